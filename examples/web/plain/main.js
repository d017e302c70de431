const photo = document.getElementById("photo");
photo.addEventListener("mien-faces", (event) => {
  document.getElementById("json").textContent = JSON.stringify(event.detail, null, 2);
});

const video = document.getElementById("video");
document.getElementById("file").addEventListener("change", ({ target }) => video.start(target.files[0]));

document.addEventListener("mien-error", ({ detail }) => console.log(detail.kind, detail.message));
