// The checks with TanStack DB, and a storage that survives as long as the test.
import { createCollection } from '@tanstack/db'

import { openAfterglow, uuid7 } from '../../openapi/clients/tanstack-db.mjs'
import { checks } from './checks.mjs'

function memory() {
  const values = new Map()
  return {
    load: async () => structuredClone([...values]),
    save: async changes => {
      for (const [key, value] of structuredClone(changes)) {
        value === undefined ? values.delete(key) : values.set(key, value)
      }
    },
  }
}

checks('TanStack DB', async (options, earlier) => {
  const storage = earlier?.storage ?? memory()
  const engine = await openAfterglow({ ...options, storage })
  const collections = {}
  const of = async name => {
    collections[name] ??= createCollection(engine.collection(name))
    await collections[name].preload()
    return collections[name]
  }
  return {
    engine, uuid7, storage,
    insert: async (name, row) => (await of(name)).insert(row).isPersisted.promise,
    update: async (name, id, patch) => {
      await (await of(name)).update(id, row => { Object.assign(row, patch) }).isPersisted.promise
    },
    remove: async (name, id) => (await of(name)).delete(id).isPersisted.promise,
    get: async (name, id) => (await of(name)).get(id) ?? null,
  }
})
