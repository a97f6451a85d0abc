// A plugin of Swagger UI that finds operations, and chapters of the guide, that contain every word of a phrase.
//
// It searches the tag, path, summary, description and problems of an operation. Swagger UI itself would search only the names
// of tags. If the phrase is the name of a tag, only the operations of this tag are found.
export function search(spec, chapters, guide) {
  const find = searchOperations(spec);
  return ({ React }) => ({
    fn: { opsFilter: find },
    wrapComponents: {
      FilterContainer: () => (properties) => {
        const { layoutSelectors, layoutActions } = properties;
        const filter = layoutSelectors.currentFilter();
        const phrase = typeof filter === "string" ? filter : ""; // `true` before the first search
        return React.createElement(
          "div",
          { className: "search wrapper", role: "search" },
          React.createElement("input", {
            "aria-label": "Search",
            onChange: ({ target }) => layoutActions.updateFilter(target.value),
            placeholder: "Search: conflict, offline, refresh, …",
            type: "search",
            value: phrase,
          }),
          links(React, searchChapters(chapters, phrase), guide),
        );
      },
    },
  });
}

// Fetch the guide, and return its chapters: `[{ id, title, text }]`. The text is in lower case.
export async function readChapters(guide) {
  const page = new DOMParser().parseFromString(await (await fetch(guide)).text(), "text/html");
  const chapters = [];
  for (const { id, tagName, textContent } of page.querySelector("main").children) {
    if (/^H[1-6]$/.test(tagName)) chapters.push({ id, title: textContent, text: "" });
    chapters.at(-1).text += `${textContent.toLowerCase()} `;
  }
  return chapters;
}

function links(React, chapters, guide) {
  if (!chapters.length) return null;
  const link = ({ id, title }) => React.createElement("a", { key: id, href: `${guide}#${id}` }, title);
  return React.createElement("p", { className: "chapters" }, "In the guide: ", ...chapters.map(link));
}

const wordsOf = (phrase) => phrase.toLowerCase().split(/\s+/).filter(Boolean);

function searchChapters(chapters, phrase) {
  const words = wordsOf(phrase);
  const inTitle = ({ title }) => words.some((word) => title.toLowerCase().includes(word));
  const found = words.length ? chapters.filter(({ text }) => words.every((word) => text.includes(word))) : [];
  return [...found.filter(inTitle), ...found.filter((each) => !inTitle(each))];
}

function searchOperations(spec) {
  const texts = new Map();
  const tags = new Map(spec.tags.map(({ name, description }) => [name, description]));
  for (const [path, operations] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const problems = Object.values(operation.responses).flatMap((response) => problemsOf(spec, response));
      const words = [method, path, operation.operationId, operation.summary, operation.description, ...problems];
      const [tag] = operation.tags;
      texts.set(`${method} ${path}`, [...words, tag, tags.get(tag)].join(" ").toLowerCase());
    }
  }
  return (taggedOperations, phrase) => {
    const words = wordsOf(phrase);
    const named = taggedOperations.filter((_, tag) => tag.toLowerCase() === words.join(" "));
    if (named.size) return named;
    const matches = (each) => words.every((word) => texts.get(`${each.get("method")} ${each.get("path")}`).includes(word));
    return taggedOperations
      .map((tagged) => tagged.update("operations", (operations) => operations.filter(matches)))
      .filter((tagged) => tagged.get("operations").size);
  };
}

function problemsOf(spec, response) {
  const shared = spec.components.responses[response.$ref?.split("/").pop()];
  return shared ? [shared.description] : [];
}
