"use strict";
const { models, questions } = JSON.parse(document.getElementById("data").textContent);
const PAGE = 20;
const byId = (id) => document.getElementById(id);
const search = byId("search"), config = byId("config"), sort = byId("sort"), list = byId("list");
questions.forEach((question, place) => {
  question.place = place;
  question.text = [question.title, question.question, question.reference, ...question.answers].join("\n").toLowerCase();
});

const orders = { "": (one, other) => one.place - other.place };
const option = (name, label, key) => {
  orders[name] = (one, other) => key(other) - key(one) || one.place - other.place;
  sort.add(new Option(label, name));
};
if (models.length > 1) {
  option("spread", "largest difference between any two", (of) => Math.max(...of.scores) - Math.min(...of.scores));
  models.forEach((first, i) => models.forEach((second, j) => {
    if (i !== j) option(`${i}-${j}`, `${first} ahead of ${second}`, (of) => of.scores[i] - of.scores[j]);
  }));
}
models.forEach((model, i) => {
  option(`best-${i}`, `${model}: best first`, (of) => of.scores[i]);
  option(`worst-${i}`, `${model}: worst first`, (of) => -of.scores[i]);
});

/* Text goes in as text: nothing from the corpus is ever read as markup. */
function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
function marked(tag, text, words) {
  const made = element(tag);
  if (!words.length) { made.textContent = text; return made; }
  const pattern = new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "gi");
  text.split(pattern).forEach((part, place) => made.append(place % 2 ? element("mark", "", part) : part));
  return made;
}
function answer(name, className, text, score, words) {
  const made = element("div");
  const who = element("div", `who ${className}`);
  who.append(element("span", "", name), element("span", "score", score));
  made.append(who, marked("p", text || "(no answer)", words));
  return made;
}
function article(of, words) {
  const made = element("article");
  const head = element("header");
  head.append(marked("span", of.title, words), ` · ${of.year} · test by ${of.config}`);
  const answers = element("div", "answers");
  answers.append(answer("reference", "reference", of.reference, "", words));
  models.forEach((model, i) => answers.append(answer(model, `m${i % 6}`, of.answers[i], of.scores[i].toFixed(3), words)));
  made.append(head, marked("h4", of.question, words), answers);
  return made;
}

let page = 0, shown = [];
function draw() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  shown = questions.filter((of) => (!config.value || of.config === config.value) && words.every((word) => of.text.includes(word)));
  shown.sort(orders[sort.value]);
  const pages = Math.max(1, Math.ceil(shown.length / PAGE));
  page = Math.min(page, pages - 1);
  list.replaceChildren(...shown.slice(page * PAGE, (page + 1) * PAGE).map((of) => article(of, words)));
  byId("count").textContent = `${shown.length} of ${questions.length} questions`;
  byId("page").textContent = `page ${page + 1} of ${pages}`;
  byId("previous").disabled = page === 0;
  byId("next").disabled = page === pages - 1;
}
const again = () => { page = 0; draw(); };
search.addEventListener("input", again);
config.addEventListener("change", again);
sort.addEventListener("change", again);
const turn = (by) => { page += by; draw(); byId("examples").scrollIntoView(); };
byId("previous").addEventListener("click", () => turn(-1));
byId("next").addEventListener("click", () => turn(1));
draw();
