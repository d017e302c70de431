"use strict";
(() => {
  const PAGE = 60;
  const data = JSON.parse(document.getElementById("data").textContent);
  const { photos, colors, words, texts } = data;
  // As the page's other numbers: Arabic text, too, has the digits 0 to 9.
  const locale = `${document.documentElement.lang}-u-nu-latn`;
  const plurals = new Intl.PluralRules(locale);
  const number = (value) => value.toLocaleString(locale);
  const percent = (share) => data.percent.replace("{n}", Math.round(100 * share));
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
    const told = [times > 1 ? `${words[name] ?? name} × ${number(times)}` : (words[name] ?? name)];
    if (probability) told.push(times > 1 ? texts.up_to.replace("{share}", percent(probability)) : percent(probability));
    line.append(make("span", "", told.join(times > 1 ? " · " : " ")));
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
      item.append(make("div", "blank", photo.message ? texts.blank_failed : texts.blank));
    }
    const name = make("p", "name");
    name.title = photo.name;
    name.append(make("bdi", "", photo.name));
    item.append(name);
    if (photo.message) {
      const message = make("p", "failed", photo.message);
      [message.lang, message.dir] = ["en", "auto"];
      item.append(message);
    } else if (!photo.faces.length) item.append(make("p", "", texts.no_face));
    else item.append(...photo.faces.map(describe));
    return item;
  };

  const extend = () => {
    const start = list.children.length;
    list.append(...found.slice(start, start + PAGE).map(show));
    more.hidden = list.children.length >= found.length;
    const told = texts.shown[plurals.select(found.length)] ?? texts.shown.other;
    const filled = told.replace("{shown}", number(list.children.length)).replace("{count}", number(found.length));
    shown.textContent = found.length ? filled : texts.nothing_found;
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
