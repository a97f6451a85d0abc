// Records and operations: the fields of each collection, and how a person's edits become operations.

/** The fields of each collection, parents before children. Those marked `!` cannot be null. */
export const FIELDS = {
  sessions: 'visibility! kind! status! status_reason title scheduled_at started_at ended_at timezone! setting ' +
    'supervision medicine route dose_value dose_unit intensity notes clinic_id',
  elements: 'visibility! session_id! kind! title! description valence intensity significance meaning origin ' +
    'reframe status!',
  intentions: 'visibility! kind! statement! why session_id element_id derived_from_id domain status! achievement ' +
    'target_on scale weight! baseline',
  reflections: 'visibility! body! title occurred_at! timezone! session_id element_id intention_id prompt capture! ' +
    'mood emotions! domains! prompt_id',
  'action-items': 'visibility! title! change! facet! details if_cue then_response status! starts_on due_on ' +
    'completed_at session_id element_id intention_id reflection_id',
}
const EPOCH = 2 ** 40
const COLLECTIONS = Object.keys(FIELDS)
const PARSED = Object.fromEntries(COLLECTIONS.map(collection => [collection, FIELDS[collection].split(' ')
  .map(text => ({ name: text.replace('!', ''), isRequired: text.endsWith('!') }))]))

/** Return the names of the fields of a collection. */
export const namesOf = collection => PARSED[collection].map(({ name }) => name)

/** Return the collection and the id in the key `collection/id`. */
export const split = key => key.split('/')

/** Return the position of a version in its feed, whatever the epoch. */
export const seq = version => version % EPOCH

/** Say whether a version is of the same epoch as `kept`, and later. */
export const cameAfter = (version, kept) =>
  version > kept && Math.floor(version / EPOCH) === Math.floor(kept / EPOCH)

/** Say whether two values of a field are the same; an absent one is null. */
export const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null)

/** Return a new id (UUID version 7: it begins with the time, by which the server can tell an old operation). */
export function uuid7() {
  const time = Date.now().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${crypto.randomUUID().slice(15)}`
}

/** Return what an operation can set of a record: fields that are present, without null if a field needs a value. */
const settable = (collection, record) => Object.fromEntries(PARSED[collection]
  .filter(({ name, isRequired }) => record[name] !== undefined && !(isRequired && record[name] === null))
  .map(({ name }) => [name, record[name]]))

/** Return the fields of `to` that differ from `from`; an absent one is unchanged. */
export const difference = (collection, from, to) => Object.fromEntries(
  Object.entries(settable(collection, to)).filter(([name, value]) => !same(from?.[name], value)))

/** Return the fields that a person can set, without what the server or a library adds. */
export const fieldsOf = (collection, record) => Object.fromEntries(
  namesOf(collection).filter(name => record[name] !== undefined).map(name => [name, record[name]]))

/**
 * Return what to put into the library when the engine says `show`: with what the person changed since `mine` was read,
 * and `now` is what the library has. Null removes the record, undefined leaves it.
 */
export function toShow({ shadow, mine, show }, now) {
  if (show === undefined || (mine && !now)) return undefined
  const edits = now ? difference(split(shadow.key)[0], mine, now) : {}
  if (show) return { ...show, ...edits }
  return now && Object.keys(edits).length === 0 ? null : undefined
}

/** Return the operation that brings a person's edits to the server, all that differs from `agreed`; or null. */
export function operation({ key, agreed, lost }, mine) {
  const [collection, id] = split(key)
  const was = agreed && fieldsOf(collection, agreed)
  const op = { collection, id, op_id: uuid7(), ...(was && { was }) }
  if (!mine) return was ? { op: 'delete', ...op } : null
  const record = { ...lost?.record, ...mine }
  const set = lost && !was ? settable(collection, record) : difference(collection, was, record)
  return was && Object.keys(set).length === 0 ? null : { op: 'upsert', ...op, set }
}

/** Return an operation that sets all fields of a record, as if the server did not know it. */
export function creation(key, fields, options) {
  const [collection, id] = split(key)
  return { op: 'upsert', collection, id, op_id: uuid7(), set: difference(collection, null, fields), ...options }
}

/** Order `{ op }` as the server applies them: parents before children, removals last. */
export const inOrder = waiting => waiting
  .map(each => [COLLECTIONS.indexOf(each.op.collection) + (each.op.op === 'delete' ? COLLECTIONS.length : 0), each])
  .sort(([a], [b]) => a - b).map(([, each]) => each)
