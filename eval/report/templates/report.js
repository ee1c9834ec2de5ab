"use strict";
const { limit, systems, papers, questions } = JSON.parse(document.getElementById("data").textContent);
const PAGE = 20;
const byId = (id) => document.getElementById(id);
const search = byId("search"), config = byId("config"), sort = byId("sort"), list = byId("list");
questions.forEach((question, number) => {
  question.number = number;
  question.text = [question.title, question.question, question.reference, ...question.answers].join("\n").toLowerCase();
});

const orders = { "": (one, other) => one.number - other.number };
const addOrder = (name, label, key) => {
  orders[name] = (one, other) => key(other) - key(one) || one.number - other.number;
  sort.add(new Option(label, name));
};
if (systems.length > 1) {
  addOrder("spread", "largest difference", ({ scores }) => Math.max(...scores) - Math.min(...scores));
  systems.forEach((first, i) => systems.forEach((second, j) => {
    if (i !== j) addOrder(`${i}-${j}`, `${first} better than ${second}`, ({ scores }) => scores[i] - scores[j]);
  }));
}
systems.forEach((system, i) => {
  addOrder(`best-${i}`, `${system}: best first`, ({ scores }) => scores[i]);
  addOrder(`worst-${i}`, `${system}: worst first`, ({ scores }) => -scores[i]);
});

/* Corpus text becomes text nodes only: it is never parsed as markup. */
function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
function highlighted(tag, text, words) {
  if (!words.length) return element(tag, "", text);
  const node = element(tag);
  const pattern = new RegExp(`(${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "gi");
  text.split(pattern).forEach((part, number) => node.append(number % 2 ? element("mark", "", part) : part));
  return node;
}
function answer(name, className, text, score, words, { isCut = false, cited = [], unsupported = [] } = {}) {
  const node = element("div");
  const heading = element("div", `who ${className}`);
  heading.append(element("span", "", name), element("span", "score", score));
  node.append(heading, highlighted("p", text || "(no answer)", words));
  cited.forEach((sentence) => node.append(highlighted("blockquote", sentence, words)));
  if (unsupported.length) {
    const parts = element("small", "unsupported", "neither in abstract nor question: ");
    unsupported.forEach((part) => parts.append(element("mark", "", part), " "));
    node.append(parts);
  }
  if (isCut) node.append(element("small", "", `cut off at ${limit} tokens`));
  return node;
}
function article(question, words) {
  const node = element("article");
  const header = element("header"), paper = papers[question.paper];
  /* A link of another kind, such as javascript:, could run code. */
  const linked = /^https?:\/\//.test(paper.url);
  const title = highlighted(linked ? "a" : "span", question.title, words);
  if (linked) title.href = paper.url;
  header.append(title, ` · ${question.year} · test by ${question.config}`);
  const abstract = element("details");
  abstract.append(element("summary", "", "Abstract"), highlighted("p", paper.abstract, words));
  const answers = element("div", "answers");
  answers.append(answer("reference answer", "reference", question.reference, "", words));
  systems.forEach((system, i) => {
    const details = {
      isCut: question.cut[i], cited: question.cited[i], unsupported: question.unsupported[i],
    };
    answers.append(answer(system, `color-${i % 6}`, question.answers[i], question.scores[i].toFixed(3), words, details));
  });
  node.append(header, highlighted("h4", question.question, words), answers, abstract);
  return node;
}

let page = 0;
function draw(all = false) {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = questions
    .filter((question) => !config.value || question.config === config.value)
    .filter((question) => words.every((word) => question.text.includes(word)))
    .sort(orders[sort.value]);
  const pages = Math.max(1, Math.ceil(shown.length / PAGE));
  page = Math.min(page, pages - 1);
  const visible = all ? shown : shown.slice(page * PAGE, (page + 1) * PAGE);
  list.replaceChildren(...visible.map((question) => article(question, words)));
  byId("count").textContent = `${shown.length} of ${questions.length} questions`;
  byId("page").textContent = `page ${page + 1} of ${pages}`;
  byId("previous").disabled = page === 0;
  byId("next").disabled = page === pages - 1;
}
const restart = () => { page = 0; draw(); };
search.addEventListener("input", restart);
config.addEventListener("change", restart);
sort.addEventListener("change", restart);
const turn = (step) => { page += step; draw(); byId("examples").scrollIntoView(); };
byId("previous").addEventListener("click", () => turn(-1));
byId("next").addEventListener("click", () => turn(1));
addEventListener("beforeprint", () => draw(true));
addEventListener("afterprint", () => draw());
draw();
