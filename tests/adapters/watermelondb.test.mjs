// The checks with WatermelonDB on its LokiJS adapter.
import { Database, Model, Q, appSchema, tableSchema } from '@nozbe/watermelondb'
import LokiJSAdapter from '@nozbe/watermelondb/adapters/lokijs/index.js'
import logger from '@nozbe/watermelondb/utils/common/logger/index.js'

import { AfterglowState, afterglowTable, openAfterglow, uuid7 } from '../../openapi/clients/watermelondb.mjs'
import { checks } from './checks.mjs'
import { COLLECTIONS, columnsOf } from './columns.mjs'

logger.default.silence()

const TIMES = new Set(['created_at', 'updated_at', 'occurred_at'])  // as numbers; other times are strings
const tableOf = name => name.replace('-', '_')
const columns = collection => columnsOf(collection).map(({ name, type }) => {
  const isTouched = name === 'created_at' || name === 'updated_at'  // WatermelonDB has its own rule for these
  return { name, type: type === 'number' || TIMES.has(name) ? 'number' : 'string', isOptional: !isTouched }
})
const schema = appSchema({
  version: 1,
  tables: [...COLLECTIONS.map(name => tableSchema({ name: tableOf(name), columns: columns(name) })), afterglowTable],
})
const models = COLLECTIONS.map(name => class extends Model { static table = tableOf(name) })

const newDatabase = () => new Database({
  adapter: new LokiJSAdapter.default({
    schema, dbName: uuid7(), useWebWorker: false, useIncrementalIndexedDB: false,
  }),
  modelClasses: [...models, AfterglowState],
})

/** Set columns as the decorators of an app's model do. */
const assign = (model, row) => {
  for (const [name, value] of Object.entries(row)) {
    if (name === 'id') model._raw.id = value
    else model._setRaw(name, Array.isArray(value) ? JSON.stringify(value) : TIMES.has(name) ? Date.parse(value) : value)
  }
}

checks('WatermelonDB', async (options, earlier) => {
  const database = earlier?.database ?? newDatabase()
  const find = async (name, id) => (await database.get(tableOf(name)).query(Q.where('id', id)).fetch())[0]
  return {
    database, uuid7, engine: openAfterglow(database, { ...options, tables: { 'action-items': 'action_items' } }),
    insert: (name, row) => database.write(() => database.get(tableOf(name)).create(model => assign(model, row))),
    update: (name, id, row) => database.write(async () => (await find(name, id)).update(model => assign(model, row))),
    remove: (name, id) => database.write(async () => (await find(name, id)).markAsDeleted()),
    get: async (name, id) => (await find(name, id))?._raw ?? null,
  }
})
