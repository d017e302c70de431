"use strict";
(() => {
  const PAGE = 60;
  const { photos, colors } = JSON.parse(document.getElementById("data").textContent);
  const form = document.getElementById("filters");
  const text = document.getElementById("text");
  const order = document.getElementById("order");
  const list = document.getElementById("photos");
  const more = document.getElementById("more");
  const shown = document.getElementById("shown");
  let found = [];

  const make = (tag, kind, words) => {
    const node = document.createElement(tag);
    if (kind) node.className = kind;
    if (words !== undefined) node.textContent = words;
    return node;
  };

  const top = (photo) => Math.max(0, ...(photo.faces || []).map((face) => face[2]));

  const describe = ([name, times, probability]) => {
    const line = make("p", `face ${colors[name] || "c-none"}`);
    if (probability) line.append(make("i"));
    const share = probability ? ` ${times > 1 ? "up to " : ""}${Math.round(100 * probability)} %` : "";
    line.append(make("span", "", `${name}${times > 1 ? ` × ${times}${share ? "," : ""}` : ""}${share}`));
    return line;
  };

  const show = (photo) => {
    const item = make("li");
    if (photo.picture) {
      const picture = make("img");
      picture.loading = "lazy";
      picture.decoding = "async";
      picture.alt = "";
      picture.src = photo.picture;
      item.append(picture);
    } else {
      item.append(make("div", "blank", photo.message ? "could not be read" : "no picture kept"));
    }
    const name = make("p", "name");
    name.title = photo.name;
    name.append(make("bdi", "", photo.name));
    item.append(name);
    if (photo.message) item.append(make("p", "failed", photo.message));
    else if (!photo.faces.length) item.append(make("p", "", "no face"));
    else item.append(...photo.faces.map(describe));
    return item;
  };

  const extend = () => {
    const start = list.children.length;
    list.append(...found.slice(start, start + PAGE).map(show));
    more.hidden = list.children.length >= found.length;
    const all = found.length.toLocaleString("en");
    const many = list.children.length.toLocaleString("en");
    shown.textContent = found.length
      ? `${many} of ${all} ${found.length === 1 ? "photo" : "photos"} shown`
      : "No photo matches. Choose another filter, or clear the search.";
    return start;
  };

  const filter = () => {
    const tag = new FormData(form).get("tag");
    const words = text.value.trim().toLowerCase();
    found = photos.filter(
      (photo) =>
        (tag === "all" || photo.tags.includes(tag)) && photo.name.toLowerCase().includes(words),
    );
    if (order.value === "name") found.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (order.value === "sure") found.sort((a, b) => top(b) - top(a));
    if (order.value === "unsure") found.sort((a, b) => top(a) - top(b));
    list.replaceChildren();
    extend();
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);
  more.addEventListener("click", () => {
    const start = extend();
    const next = list.children[start];
    if (next) {
      next.tabIndex = -1;
      next.focus();
    }
  });
  filter();
})();
