// A plugin of Swagger UI that resolves the references of an operation when the operation is expanded. Swagger UI itself
// would walk the complete document for each operation, which takes seconds for a document of this size. The result is the
// same: each resolved object names its origin in `$$ref`.
export function references(url) {
  const names = (pointer) => pointer.split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));

  async function resolveSubtree(spec, path) {
    const at = (steps) => steps.reduce((value, step) => value?.[step], spec);
    const replaced = (value, within) => {
      if (Array.isArray(value)) return value.map((each) => replaced(each, within));
      if (value === null || typeof value !== "object") return value;
      const { $ref: reference, ...others } = value;
      const copied = Object.fromEntries(Object.entries(others).map(([name, each]) => [name, replaced(each, within)]));
      if (typeof reference !== "string") return reference === undefined ? copied : { ...copied, $ref: reference };
      const origin = { $$ref: url + reference };
      if (within.includes(reference)) return { ...copied, ...origin }; // the schema refers to itself
      return { ...replaced(at(names(reference).slice(1)), [...within, reference]), ...copied, ...origin };
    };
    return { spec: replaced(at(path), []), errors: [] };
  }

  return { fn: { resolveSubtree } };
}
