// Fastify with pg, as both documentations recommend: response schemas for a compiled serialiser, named (prepared)
// statements on a pool, @fastify/jwt with its cache of verified tokens on, the logger off.
import Fastify from 'fastify'
import jwt from '@fastify/jwt'
import pg from 'pg'

pg.types.setTypeParser(pg.types.builtins.DATE, (value) => value)
pg.types.setTypeParser(pg.types.builtins.INT8, Number)
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16 })
const app = Fastify({ logger: false, bodyLimit: 2 ** 21 })
await app.register(jwt, { secret: process.env.SECRET, verify: { cache: 10_000 } })
app.addHook('onRequest', async (request) => request.jwtVerify())

const text = { type: 'string' }
const maybe = { type: ['string', 'null'] }
const record = {
  type: 'object',
  properties: {
    id: text, version: { type: 'integer' }, created_at: { type: 'string', format: 'date-time' },
    updated_at: { type: 'string', format: 'date-time' }, visibility: text, kind: text, statement: text, why: maybe,
    session_id: maybe, element_id: maybe, derived_from_id: maybe, domain: maybe, status: text, achievement: maybe,
    target_on: maybe,
  },
}
const draft = {
  type: 'object', required: ['kind', 'statement'], additionalProperties: false,
  properties: {
    id: { type: 'string', format: 'uuid' }, visibility: { enum: ['private', 'shared'], default: 'private' },
    kind: { enum: ['session', 'integration'] }, statement: { type: 'string', minLength: 1, maxLength: 2000 },
    why: { type: ['string', 'null'], maxLength: 2000 },
    domain: { enum: ['mind', 'body', 'spirit', 'lifestyle', 'relationships', 'nature', null] },
    status: { enum: ['proposed', 'active', 'on-hold', 'completed', 'cancelled'], default: 'active' },
    achievement: { enum: ['in-progress', 'improving', 'no-change', 'worsening', 'achieved', 'not-achieved', null] },
    target_on: { type: ['string', 'null'], format: 'date' },
  },
}
const change = {
  type: 'object',
  properties: { collection: text, id: text, version: { type: 'integer' }, deleted: { type: 'boolean' }, record },
}

const COLUMNS = `id, seq AS version, created_at, updated_at, visibility, kind, statement, why, session_id, element_id,
  derived_from_id, domain, status, achievement, target_on`
const GET = `SELECT ${COLUMNS} FROM intention WHERE owner_id = $1 AND id = $2`
const LIST = `SELECT ${COLUMNS} FROM intention WHERE owner_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2`
const LOCK = 'SELECT head FROM feed WHERE owner_id = $1 FOR UPDATE'
const ADVANCE = 'UPDATE feed SET head = $2 WHERE owner_id = $1'
const INSERT = `INSERT INTO intention (owner_id, id, seq, created_at, updated_at, field_seq, visibility, kind, statement, why,
  domain, status, achievement, target_on)
  VALUES ($1, $2, $3, now(), now(), '{}', $4, $5, $6, $7, $8, $9, $10, $11) RETURNING ${COLUMNS}`
const UPSERT = INSERT.replace('RETURNING', `ON CONFLICT (owner_id, id) DO UPDATE SET seq = excluded.seq,
  updated_at = now(), visibility = excluded.visibility, kind = excluded.kind, statement = excluded.statement,
  why = excluded.why, domain = excluded.domain, status = excluded.status, achievement = excluded.achievement,
  target_on = excluded.target_on RETURNING`)
const NOTE = `INSERT INTO change (owner_id, collection, id, seq, deleted, written_at, actor_id)
  VALUES ($1, 'intentions', $2, $3, false, now(), $1)
  ON CONFLICT (owner_id, collection, id) DO UPDATE SET seq = excluded.seq, written_at = now()`
const PULL = `SELECT c.collection, c.deleted, ${COLUMNS.replace('id, seq', 'i.id, i.seq')} FROM intention i
  JOIN change c USING (owner_id, id) WHERE owner_id = $1 AND i.seq > $2 ORDER BY i.seq LIMIT $3`

const names = new Map()
const run = (client, sql, values) => {
  if (!names.has(sql)) names.set(sql, `s${names.size}`)
  return client.query({ name: names.get(sql), text: sql, values })
}
async function transaction(work) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
const values = (owner, id, seq, r) => [owner, id, seq, r.visibility, r.kind, r.statement, r.why ?? null, r.domain ?? null,
  r.status, r.achievement ?? null, r.target_on ?? null]
const refusal = (statusCode, message) => Object.assign(new Error(message), { statusCode })

app.get('/v1/intentions/:id', { schema: { response: { 200: record } } }, async (request) => {
  const { rows } = await run(pool, GET, [request.user.sub, request.params.id])
  if (!rows.length) throw refusal(404, 'not found')
  return rows[0]
})

app.get('/v1/intentions', {
  schema: {
    querystring: { type: 'object', properties: { limit: { type: 'integer', minimum: 1, maximum: 200, default: 50 } } },
    response: { 200: { type: 'object', properties: { items: { type: 'array', items: record }, next_cursor: maybe } } },
  },
}, async (request) => {
  const { limit } = request.query
  const { rows } = await run(pool, LIST, [request.user.sub, limit + 1])
  const items = rows.slice(0, limit)
  return { items, next_cursor: rows.length > limit ? items.at(-1).id : null }
})

app.post('/v1/intentions', { schema: { body: draft, response: { 201: record } } }, async (request, reply) => {
  const owner = request.user.sub
  const id = request.body.id ?? crypto.randomUUID()
  const row = await transaction(async (client) => {
    const seq = (await run(client, LOCK, [owner])).rows[0].head + 1
    const { rows } = await run(client, INSERT, values(owner, id, seq, request.body))
    await run(client, NOTE, [owner, id, seq])
    await run(client, ADVANCE, [owner, seq])
    return rows[0]
  })
  reply.code(201).header('location', `/v1/intentions/${id}`)
  return row
})

const { id: _, ...changeable } = draft.properties
const patch = {
  type: 'object', additionalProperties: false,
  properties: Object.fromEntries(Object.entries(changeable).map(([name, { default: _default, ...rest }]) => [name, rest])),
}
app.patch('/v1/intentions/:id', { schema: { body: patch, response: { 200: record } } }, async (request) => {
  const owner = request.user.sub
  const { id } = request.params
  const version = Number(request.headers['if-match']?.slice(1, -1))
  return transaction(async (client) => {
    const seq = (await run(client, LOCK, [owner])).rows[0].head + 1
    const { rows } = await run(client, GET, [owner, id])
    if (!rows.length) throw refusal(404, 'not found')
    if (rows[0].version !== version) throw refusal(412, 'outdated')
    const fields = Object.keys(request.body)
    const set = fields.map((name, at) => `${name} = $${at + 4}`).join(', ')
    const changed = await run(client, `UPDATE intention SET seq = $3, updated_at = now(), ${set}
      WHERE owner_id = $1 AND id = $2 RETURNING ${COLUMNS}`, [owner, id, seq, ...fields.map((name) => request.body[name])])
    await run(client, NOTE, [owner, id, seq])
    await run(client, ADVANCE, [owner, seq])
    return changed.rows[0]
  })
})

app.get('/v1/sync/changes', {
  schema: {
    querystring: { type: 'object', properties: { since: { type: 'integer' }, limit: { type: 'integer', maximum: 1000 } } },
    response: { 200: { type: 'object', properties: { changes: { type: 'array', items: change }, cursor: { type: 'integer' },
      has_more: { type: 'boolean' } } } },
  },
}, async (request) => {
  const { since, limit } = request.query
  const { rows } = await run(pool, PULL, [request.user.sub, since, limit])
  const changes = rows.map((row) => ({ collection: row.collection, id: row.id, version: row.version, deleted: row.deleted,
    record: row }))
  return { changes, cursor: rows.at(-1)?.version ?? since, has_more: rows.length === limit }
})

const op = { type: 'object', required: ['op', 'collection', 'id', 'set'], properties: { op: { const: 'upsert' },
  collection: { const: 'intentions' }, id: draft.properties.id, set: draft } }
const result = { type: 'object', properties: { collection: text, id: text, outcome: text, status: { type: 'integer' },
  version: { type: 'integer' }, record } }
app.post('/v1/sync/push', {
  schema: {
    body: { type: 'object', properties: { ops: { type: 'array', maxItems: 500, items: op } } },
    response: { 200: { type: 'object', properties: { head: { type: 'integer' }, results: { type: 'array', items: result } } } },
  },
}, async (request) => {
  const owner = request.user.sub
  return transaction(async (client) => {
    let seq = (await run(client, LOCK, [owner])).rows[0].head
    const results = []
    for (const { collection, id, set } of request.body.ops) {
      seq += 1
      const { rows } = await run(client, UPSERT, values(owner, id, seq, set))
      await run(client, NOTE, [owner, id, seq])
      results.push({ collection, id, outcome: 'applied', status: 201, version: seq, record: rows[0] })
    }
    await run(client, ADVANCE, [owner, seq])
    return { head: seq, results }
  })
})

await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
