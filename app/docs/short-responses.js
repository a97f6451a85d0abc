// A plugin of Swagger UI that shortens the responses of an operation: it shows each documented problem in one line, with a
// link to its explanation, and each link to another operation as the operation's name. Swagger UI itself would show a
// schema and an example of every problem, and the parameters of every link, in each operation.
export function shortResponses(base, examples) {
  const lines = (React, codes) =>
    codes.map((code) =>
      React.createElement(
        "div",
        { key: code },
        React.createElement("a", { href: new URL(`problems/${code}`, base).href, target: "_blank", rel: "noopener" }, code),
        ` ${examples[code].summary}`,
      ),
    );
  return ({ React }) => ({
    wrapComponents: {
      operationLink: () => ({ name }) => React.createElement("code", { className: "operation-link" }, name),
      response: (Original) => (properties) => {
        const { code, response } = properties;
        const found = response?.getIn?.(["content", "application/problem+json", "examples"]);
        if (!found) return React.createElement(Original, properties);
        return React.createElement(
          "tr",
          { className: "response problem-response", "data-code": code },
          React.createElement("td", { className: "response-col_status" }, code),
          React.createElement("td", { className: "response-col_description" }, lines(React, [...found.keys()])),
          React.createElement("td", { className: "response-col_links" }),
        );
      },
    },
  });
}
