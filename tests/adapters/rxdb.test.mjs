// The checks with RxDB, whose schemas are validated with every write.
import { createRxDatabase } from 'rxdb'
import { getRxStorageMemory } from 'rxdb/plugins/storage-memory'
import { wrappedValidateAjvStorage } from 'rxdb/plugins/validate-ajv'

import { AFTERGLOW, openAfterglow, uuid7 } from '../../openapi/clients/rxdb.mjs'
import { checks } from './checks.mjs'
import { COLLECTIONS, columnsOf } from './columns.mjs'

const schemaOf = collection => ({
  version: 0, primaryKey: 'id', type: 'object', required: ['id'], additionalProperties: false,
  properties: {
    id: { type: 'string', maxLength: 36 },
    ...Object.fromEntries(columnsOf(collection).map(({ name, type }) => [name, { type: [type, 'null'] }])),
  },
})

async function newDatabase() {
  const storage = wrappedValidateAjvStorage({ storage: getRxStorageMemory() })
  const database = await createRxDatabase({ name: uuid7(), storage, multiInstance: false })
  const collections = COLLECTIONS.map(name => [name, { schema: schemaOf(name) }])
  await database.addCollections({ ...Object.fromEntries(collections), ...AFTERGLOW })
  return database
}

checks('RxDB', async (options, earlier) => {
  const database = earlier?.database ?? await newDatabase()
  const find = (name, id) => database[name].findOne(id).exec()
  return {
    database, uuid7, engine: openAfterglow(database, options),
    insert: (name, row) => database[name].insert(row),
    update: async (name, id, patch) => (await find(name, id)).incrementalPatch(patch),
    remove: async (name, id) => (await find(name, id)).incrementalRemove(),
    get: async (name, id) => (await find(name, id))?.toJSON() ?? null,
    close: () => database.remove(),
  }
})
