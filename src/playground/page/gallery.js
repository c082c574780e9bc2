// Shows the answers whose name or words hold what is searched for.
"use strict";

const search = document.querySelector("#search");
const answers = [...document.querySelectorAll(".answer")].map((place) => ({
  place,
  words: `${place.id} ${place.textContent}`.toLowerCase(),
}));

function show() {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let any = false;
  for (const { place, words } of answers) {
    const found = wanted.every((word) => words.includes(word));
    place.hidden = !found;
    any ||= found;
  }
  document.querySelector(".none").hidden = any;
}

search.addEventListener("input", show);
// "/gallery?search=table" shows the tables.
search.value ||= new URLSearchParams(location.search).get("search") ?? "";
show();
