// Afterglow for WatermelonDB (@nozbe/watermelondb): your tables, kept in sync.
//
//   setGenerator(uuid7)         // from '@nozbe/watermelondb/utils/common/randomId'
//   const schema = appSchema({ version: 1, tables: [sessions, …, afterglowTable] })
//   const database = new Database({ adapter, modelClasses: [Session, …, AfterglowState] })
//   const afterglow = openAfterglow(database, { url, token, refresh, tell })
//   await afterglow.sync()      // or follow(); see `Engine`
//
// A table has the name of the server's collection, or is given in `tables: { 'action-items': 'action_items' }`. Columns
// are any of the fields, all `isOptional`, and `version`, `created_at`, `updated_at` if the app shows them. Numbers are
// numbers; lists (`emotions`, `domains`, `scale`) are JSON in a string; times are strings or numbers of milliseconds;
// the rest are strings. Remove records with `markAsDeleted()` or `destroyPermanently()`.
//
// `synchronize()` is not used: it lays a person's columns over the server's newer ones without keeping what they were
// made from, so that an edit can neither be compared nor repaired, and it takes one number as its cursor.
import { Model, Q, tableSchema } from '@nozbe/watermelondb'
import { sanitizedRaw } from '@nozbe/watermelondb/RawRecord/index.js'

import { Engine } from './engine.mjs'
import { FIELDS, fieldsOf, split, toShow } from './records.mjs'

export { uuid7 } from './records.mjs'

const STATE = 'afterglow', CURSOR = 'cursor'
const LISTS = new Set(['emotions', 'domains', 'scale'])
const isTime = (name, column) => column?.type === 'number' && name.endsWith('_at')

/** The table in which the engine keeps its own state, and its model. */
export const afterglowTable = tableSchema({ name: STATE, columns: [{ name: 'value', type: 'string' }] })
export class AfterglowState extends Model { static table = STATE }

/** Return a row as the server has it. A time in milliseconds is the `agreed` one, if they are the same millisecond. */
function fromRaw(raw, columns, agreed) {
  return Object.fromEntries(Object.entries(raw).map(([name, value]) => {
    if (value === null || value === '') return [name, null]
    if (LISTS.has(name)) return [name, JSON.parse(value)]
    if (!isTime(name, columns[name])) return [name, value]
    return [name, Date.parse(agreed?.[name]) === value ? agreed[name] : new Date(value).toISOString()]
  }))
}

/** Return a record as a row has it. */
function toRaw(record, columns) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => {
    if (Array.isArray(value)) return [name, JSON.stringify(value)]
    return [name, isTime(name, columns[name]) && value ? Date.parse(value) : value]
  }))
}

/** Return the engine of a database. */
export function openAfterglow(database, { tables = {}, ...options }) {
  const state = database.get(STATE)
  const own = Object.fromEntries(Object.keys(FIELDS)
    .map(name => [name, database.collections.map[tables[name] ?? name]]).filter(([, collection]) => collection))
  /** Return the model with an id, if it is not marked as deleted. By `find`: a query of LokiJS looks at every row. */
  const one = async (collection, id) => {
    const model = await collection.find(id).catch(error => {
      if (!error.message.endsWith('not found')) throw error
    })
    return model?._raw._status === 'deleted' ? undefined : model
  }
  const fieldsIn = (name, { _raw }, agreed) => fieldsOf(name, fromRaw(_raw, own[name].schema.columns, agreed))
  const get = async key => {
    const found = await one(state, key)
    return found && JSON.parse(found._raw.value)
  }
  const shadows = () => state.query(Q.where('id', Q.notEq(CURSOR))).fetch()

  /** Return changes of the rows with these raw values, to be passed to `database.batch` at once. */
  const prepare = (collection, model, raw) => {
    const clean = sanitizedRaw({ ...model?._raw, ...raw, _status: 'synced', _changed: '' }, collection.schema)
    return model ? model.prepareUpdate(() => { model._raw = clean }) : collection.prepareCreateFromDirtyRaw(clean)
  }

  async function write(entries, cursor) {
    const rows = entries.map(entry => [entry, ...split(entry.shadow.key)]).filter(([, name]) => own[name])
    const values = entries.map(({ shadow }) => [shadow.key, shadow])
    if (cursor !== undefined) values.push([CURSOR, cursor])
    const models = await Promise.all(rows.map(([, name, id]) => one(own[name], id)))
    const states = await Promise.all(values.map(([key]) => one(state, key)))
    const changes = []
    for (const [n, [entry, name, id]] of rows.entries()) {
      const model = models[n]
      const record = toShow(entry, model ? fieldsIn(name, model, entry.shadow.agreed) : null)
      if (record === null) changes.push(() => model.prepareDestroyPermanently())
      else if (record) changes.push(() => prepare(own[name], model, { id, ...toRaw(record, own[name].schema.columns) }))
    }
    for (const [name, collection] of Object.entries(own)) {  // rows marked as deleted can go: the shadow knows of them
      const gone = rows.filter((row, n) => row[1] === name && !models[n]).map(([, , id]) => id)
      if (gone.length) await database.adapter.destroyDeletedRecords(collection.table, gone)
    }
    for (const [n, [key, value]] of values.entries()) {
      changes.push(() => prepare(state, states[n], { id: key, value: JSON.stringify(value) }))
    }
    await database.batch(changes.map(change => change()))
  }

  const engine = new Engine({
    collections: Object.keys(own),
    async keys() {
      const keys = (await shadows()).map(({ id }) => id)
      for (const [name, collection] of Object.entries(own)) {
        keys.push(...(await collection.query().fetch()).map(({ id }) => `${name}/${id}`))
      }
      return [...new Set(keys)]
    },
    shadows: async () => (await shadows()).map(({ _raw }) => JSON.parse(_raw.value)),
    shadow: get,
    async mine(key, shadow) {
      const [name, id] = split(key), model = own[name] && await one(own[name], id)
      return model ? fieldsIn(name, model, shadow.agreed) : null
    },
    cursor: () => get(CURSOR),
    write: (entries, cursor) => database.write(() => write(entries, cursor)),
  }, options)

  for (const [name, collection] of Object.entries(own)) {
    collection.changes.subscribe(changes => changes.forEach(({ record }) => engine.touched.add(`${name}/${record.id}`)))
  }
  return engine
}
