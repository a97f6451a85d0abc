// The adapter files themselves: short, without a dependency but the library, and of the same fields as the contract.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'

import { FIELDS, operation, uuid7 } from '../../openapi/clients/records.mjs'
import { batches } from '../../openapi/clients/requests.mjs'
import { completed } from '../../openapi/clients/shadows.mjs'

const FOLDER = new URL('../../openapi/clients/', import.meta.url)
const document = JSON.parse(readFileSync(new URL('../openapi.json', FOLDER)))
const ADDED = new Set(['id', 'version', 'created_at', 'updated_at'])

for (const name of readdirSync(FOLDER)) {
  const text = readFileSync(new URL(name, FOLDER), 'utf8')
  test(`${name} has at most 200 lines of at most 120 characters`, () => {
    const lines = text.trimEnd().split('\n')
    assert.ok(lines.length <= 200, `${lines.length} lines`)
    assert.deepEqual(lines.filter(line => line.length > 120), [])
  })
  test(`${name} depends on nothing but its library`, () => {
    const packages = [...text.matchAll(/from '([^.'][^']*)'/g)].map(([, from]) => from)
    assert.deepEqual(packages.filter(each => !each.startsWith('@nozbe/watermelondb')), [])
  })
}

for (const [collection, fields] of Object.entries(FIELDS)) {
  test(`the fields of ${collection} are those of the contract`, () => {
    const path = document.paths[`/v1/${collection}/{id}`].get
    const [name] = /[^/]+$/.exec(path.responses['200'].content['application/json'].schema.$ref)
    const { properties } = document.components.schemas[name]
    const canBeNull = each => each.anyOf?.some(({ type }) => type === 'null') ?? [each.type].flat().includes('null')
    const expected = Object.keys(properties).filter(each => !ADDED.has(each))
    assert.deepEqual(fields.split(' '), expected.map(each => `${each}${canBeNull(properties[each]) ? '' : '!'}`))
  })
}

test('a push is cut by the bytes of its UTF-8, not by its characters', () => {
  const op = operation({ key: `reflections/${uuid7()}`, agreed: null }, { body: 'ö'.repeat(100_000) })
  const cut = [...batches(Array(25).fill({ op }))].map(batch => batch.length)
  assert.deepEqual(cut, [10, 10, 5])
})

test('a record that a result leaves out is what was agreed on, with what was sent', () => {
  const later = '2026-11-22T18:40:12.504000Z', id = '019aa2c4-7b00-7000-8000-000000000006'
  const result = { id, status: 200, version: 9, record: null, updated_at: later }
  const agreed = { id, version: 5, title: 'Evening', notes: 'Rain', created_at: 'then', updated_at: 'then' }
  const op = { collection: 'sessions', set: { title: 'Night' }, was: { title: 'Evening' } }
  const { record } = completed({ agreed }, op, result)
  assert.deepEqual([record.version, record.title, record.notes, record.medicine], [9, 'Night', 'Rain', null])
  assert.deepEqual([record.created_at, record.updated_at], ['then', later])
  assert.equal(completed({ agreed: null }, op, { ...result, status: 201 }).record.created_at, later)
  const whole = { ...result, record: agreed, updated_at: null }
  assert.equal(completed({ agreed: null }, op, whole), whole)
})
