// What every adapter holds, checked against a started server with the library as it is on npm.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'

import { Network } from './network.mjs'
import { OtherDevice, Server } from './server.mjs'

const SEED = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31)
const STEPS = 150
const LONG = 'x'.repeat(201)  // a title has 200 characters
const TEXT = 'ö'.repeat(45_000)  // 90 KB

/** Return a generator of random numbers from 0 to 1 (mulberry32), so that a seed repeats a run. */
const generator = seed => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let value = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
  return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
}

/**
 * Register the checks of one library. `open(options, earlier)` opens a device, or reopens an earlier one's database;
 * it has `engine`, `uuid7`, `insert(collection, row)`, `update(collection, id, patch)`, `remove(collection, id)` and
 * `get(collection, id)`, as a person's app would call the library, and perhaps `close()`.
 */
export function checks(library, open) {
  const server = new Server()
  const other = new OtherDevice(server)
  const opened = new Set()
  before(() => server.start())
  afterEach(async () => {
    for (const device of opened) await device.close?.()
    opened.clear()
  })
  after(() => server.end())
  const check = (name, body) => test(`${library}: ${name}`, { timeout: 120_000 }, body)

  /** Open a device that is signed in. */
  async function phone(earlier, options = {}) {
    const network = new Network(), told = []
    let tokens = await server.login()
    const refresh = async () => {
      tokens = await server.login()
      return true
    }
    const device = await open({
      url: server.url, token: () => tokens.access_token, refresh, tell: event => told.push(event),
      fetch: network.fetch, sleep: network.sleep, ...options,
    }, earlier)
    opened.add(device)
    if (earlier) opened.delete(earlier)
    const sync = () => device.engine.sync()
    return Object.assign(device, { network, told, sync, questions: () => device.engine.questions(), id: device.uuid7 })
  }

  async function withSession(row = { title: 'Evening' }) {
    const device = await phone(), id = device.id()
    await device.insert('sessions', { id, ...row })
    await device.sync()
    assert.deepEqual(await device.questions(), [])
    return { device, id, get: () => device.get('sessions', id), update: patch => device.update('sessions', id, patch) }
  }

  check('what a person writes offline arrives, and what is written elsewhere is shown', async () => {
    const { device, id, get } = await withSession({ title: 'Evening', notes: 'Rain' })
    const record = await other.get('sessions', id)
    assert.equal(record.title, 'Evening')
    assert.equal((await get()).status, 'planned')
    await other.change('sessions', id, { title: 'Night' })
    await device.sync()
    assert.equal((await get()).title, 'Night')
    assert.equal((await get()).notes, 'Rain')
  })

  check('following syncs when something changes elsewhere, until it is aborted', async () => {
    const { device, id, get } = await withSession(), controller = new AbortController()
    const following = device.engine.follow(controller.signal)
    await other.change('sessions', id, { title: 'Night' })
    for (let tries = 0; tries < 100 && (await get()).title !== 'Night'; tries++) {
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    assert.equal((await get()).title, 'Night')
    controller.abort()
    await assert.rejects(following, { name: 'AbortError' })
  })

  check('edits of different fields merge without a question', async () => {
    const { device, id, get, update } = await withSession()
    await other.change('sessions', id, { notes: 'theirs' })
    await update({ title: 'mine' })
    await device.sync()
    assert.deepEqual(await device.questions(), [])
    assert.deepEqual([(await get()).title, (await get()).notes], ['mine', 'theirs'])
    assert.equal((await other.get('sessions', id)).title, 'mine')
  })

  for (const [choice, expected] of [['mine', 'mine'], ['theirs', 'theirs'], ['both', 'theirs and mine']]) {
    check(`edits of one field are a question; the person takes ${choice}`, async () => {
      const { device, id, get, update } = await withSession()
      await other.change('sessions', id, { notes: 'theirs', setting: 'home' })
      await update({ notes: 'mine' })
      await device.sync()
      const [question] = await device.questions()
      assert.deepEqual([question.key, question.reason, question.fields], [`sessions/${id}`, 'changed', ['notes']])
      assert.equal(question.record.notes, 'theirs')
      assert.equal((await get()).notes, 'mine')
      assert.equal(device.told.filter(({ type }) => type === 'question').length, 1)
      await device.sync()
      assert.equal((await other.get('sessions', id)).notes, 'theirs')
      const merged = choice === 'both' ? { notes: expected } : {}
      await device.engine.resolve(question.key, choice === 'theirs' ? 'theirs' : 'mine', merged)
      await device.sync()
      assert.deepEqual(await device.questions(), [])
      assert.deepEqual([(await get()).notes, (await get()).setting], [expected, 'home'])
      assert.equal((await other.get('sessions', id)).notes, expected)
    })
  }

  check('an edit after a lost answer is a question if the field was changed elsewhere in between', async () => {
    const { device, id, get, update } = await withSession()
    await update({ title: 'first' })
    device.network.lose()
    await assert.rejects(device.sync(), TypeError)
    await other.change('sessions', id, { title: 'theirs' })
    await update({ title: 'second' })
    await device.sync()
    assert.deepEqual((await device.questions()).map(({ fields }) => fields), [['title']])
    assert.deepEqual([(await get()).title, (await other.get('sessions', id)).title], ['second', 'theirs'])
  })

  for (const choice of ['mine', 'theirs']) {
    check(`a field that only a clinic can set is a question; the person takes ${choice}`, async () => {
      const device = await phone(), { id, status, notes } = await other.managedSession()
      await device.sync()
      await device.update('sessions', id, { status: status === 'stopped' ? 'completed' : 'stopped', notes: choice })
      await device.sync()
      const [question] = await device.questions()
      assert.deepEqual([question.key, question.reason, question.fields], [`sessions/${id}`, 'locked', ['status']])
      await device.engine.resolve(question.key, choice)
      await device.sync()
      assert.deepEqual(await device.questions(), [])
      const expected = [status, choice === 'mine' ? choice : notes]
      for (const record of [await other.get('sessions', id), await device.get('sessions', id)]) {
        assert.deepEqual([record.status, record.notes], expected)
      }
    })
  }

  check('fields that belong together are a question', async () => {
    const dose = { medicine: 'racemic-ketamine', route: 'oral', dose_value: 60, dose_unit: 'mg' }
    const { device, id, update } = await withSession({ title: 'Dose', ...dose })
    await other.change('sessions', id, { dose_value: 70 })
    await update({ dose_unit: 'ug' })
    await device.sync()
    assert.deepEqual((await device.questions()).map(({ fields }) => fields), [['dose_unit']])
    assert.equal((await other.get('sessions', id)).dose_unit, 'mg')
  })

  check('a rejected new record keeps its words, and its repair creates it', async () => {
    const device = await phone(), id = device.id()
    await device.insert('sessions', { id, title: LONG, notes: 'words' })
    await device.sync()
    const [question] = await device.questions()
    assert.deepEqual([question.outcome, question.error.errors[0].pointer], ['rejected', '/title'])
    assert.equal((await device.get('sessions', id)).title, LONG)
    await device.sync()
    assert.equal(device.network.ops(id).length, 1)
    assert.equal((await device.get('sessions', id)).notes, 'words')
    await device.update('sessions', id, { title: 'Short' })
    await device.sync()
    assert.deepEqual(await device.questions(), [])
    assert.deepEqual((await other.get('sessions', id)).notes, 'words')
    assert.deepEqual(device.network.ops(id).map(({ op }) => op), ['upsert', 'upsert'])
  })

  check('a rejected edit keeps its words; its repair names what the server agreed to, and is no removal', async () => {
    const { device, id, get, update } = await withSession()
    await update({ title: LONG })
    await device.sync()
    await other.change('sessions', id, { notes: 'theirs' })
    await device.sync()
    assert.equal((await get()).title, LONG)
    await update({ title: 'Short' })
    await device.sync()
    const repair = device.network.ops(id).at(-1)
    assert.deepEqual([repair.op, repair.set, repair.was.title], ['upsert', { title: 'Short' }, 'Evening'])
    assert.deepEqual(await device.questions(), [])
    assert.deepEqual([(await get()).title, (await get()).notes], ['Short', 'theirs'])
    assert.equal((await other.get('sessions', id)).title, 'Short')
  })

  check('a rejected edit that the person takes back is what the server has', async () => {
    const { device, id, get, update } = await withSession()
    await update({ title: LONG })
    await device.sync()
    await other.change('sessions', id, { notes: 'theirs' })
    await update({ title: 'Evening' })
    await device.sync()
    assert.deepEqual(await device.questions(), [])
    assert.deepEqual([(await get()).title, (await get()).notes], ['Evening', 'theirs'])
  })

  for (const isNew of [true, false]) {
    const record = isNew ? 'a new record' : 'an old record'
    const edited = async () => {
      if (isNew) {
        const device = await phone(), id = device.id()
        await device.insert('sessions', { id, title: 'first' })
        return { device, id }
      }
      const { device, id, update } = await withSession()
      await update({ title: 'first' })
      return { device, id }
    }
    const bothArrive = async (device, id) => {
      assert.deepEqual(await device.questions(), [])
      const { title, notes } = await other.get('sessions', id), shown = await device.get('sessions', id)
      assert.deepEqual([title, notes], ['second', 'meanwhile'])
      assert.deepEqual([shown.title, shown.notes], ['second', 'meanwhile'])
    }

    check(`typing while ${record} is pushed is no question, and all arrives`, async () => {
      const { device, id } = await edited()
      const meanwhile = () => device.update('sessions', id, { title: 'second', notes: 'meanwhile' })
      device.network.plan('/push', { meanwhile })
      await device.sync()
      await bothArrive(device, id)
    })

    check(`typing after the answer about ${record} was lost is no question, and all arrives`, async () => {
      const { device, id } = await edited()
      device.network.lose()
      await assert.rejects(device.sync(), TypeError)
      await device.update('sessions', id, { title: 'second', notes: 'meanwhile' })
      await device.sync()
      await bothArrive(device, id)
    })

    check(`a lost answer about ${record}, a restart and more typing are no question, and all arrives`, async () => {
      const { device, id } = await edited()
      device.network.lose()
      await assert.rejects(device.sync(), TypeError)
      await device.update('sessions', id, { title: 'second', notes: 'meanwhile' })
      const again = await phone(device)
      await again.sync()
      await bothArrive(again, id)
    })

    check(`removing ${record} after its answer was lost removes it`, async () => {
      const { device, id } = await edited()
      device.network.lose()
      await assert.rejects(device.sync(), TypeError)
      await device.remove('sessions', id)
      await device.sync()
      assert.deepEqual(await device.questions(), [])
      assert.equal(await other.get('sessions', id), null)
      assert.equal(await device.get('sessions', id), null)
    })
  }

  check('pushes hold at most 500 operations', async () => {
    const device = await phone(), ids = Array.from({ length: 501 }, () => device.id())
    for (const id of ids) await device.insert('intentions', { id, kind: 'integration', statement: 'Rest' })
    await device.sync()
    assert.deepEqual(device.network.pushes.map(({ ops }) => ops.length), [500, 1])
    assert.deepEqual(await device.questions(), [])
    assert.ok(await other.get('intentions', ids.at(-1)))
  })

  check('60 texts of 90 KB are pushed by 2 MiB, and pulled to the last', async () => {
    const device = await phone(), ids = Array.from({ length: 60 }, () => device.id())
    for (const id of ids) await device.insert('reflections', { id, body: TEXT })
    await device.sync()
    assert.ok(device.network.pushes.length > 2)
    for (const { bytes } of device.network.pushes) assert.ok(bytes <= 2 ** 21, `${bytes} bytes`)
    const second = await phone()
    await second.sync()
    for (const id of ids) assert.equal((await second.get('reflections', id))?.body, TEXT)
    for (const id of ids) await other.remove('reflections', id)
  })

  for (const choice of ['mine', 'theirs']) {
    check(`an edit of a record that was removed elsewhere is a question; the person takes ${choice}`, async () => {
      const { device, id, get, update } = await withSession()
      await other.remove('sessions', id)
      await update({ notes: 'words' })
      await device.sync()
      const [question] = await device.questions()
      assert.deepEqual([question.key, question.reason], [`sessions/${id}`, 'deleted'])
      assert.equal((await get()).notes, 'words')
      await device.engine.resolve(question.key, choice)
      await device.sync()
      assert.deepEqual(await device.questions(), [])
      const [shown, there] = [await get(), await other.get('sessions', id)]
      assert.deepEqual([shown?.notes, there?.notes], choice === 'mine' ? ['words', 'words'] : [undefined, undefined])
    })
  }

  check('a removal of a record that was edited elsewhere is a question', async () => {
    const { device, id, get } = await withSession()
    await other.change('sessions', id, { notes: 'theirs' })
    await device.remove('sessions', id)
    await device.sync()
    const [question] = await device.questions()
    assert.deepEqual([question.reason, question.record.notes], ['changed', 'theirs'])
    await device.engine.resolve(question.key, 'theirs')
    assert.equal((await get()).notes, 'theirs')
  })

  check('an orphan does not keep its collection from being pushed, and follows its parent', async () => {
    const device = await phone()
    const [parent, session, orphan, good] = Array.from({ length: 4 }, () => device.id())
    await device.insert('elements', { id: orphan, session_id: parent, kind: 'memory', title: 'orphan' })
    await device.insert('sessions', { id: session, title: 'Evening' })
    await device.insert('elements', { id: good, session_id: session, kind: 'memory', title: 'good' })
    await device.sync()
    assert.ok(await other.get('elements', good))
    assert.equal((await device.get('elements', orphan)).title, 'orphan')
    await other.create('sessions', { id: parent, title: 'Parent' })
    await device.sync()
    assert.ok(await other.get('elements', orphan))
    assert.deepEqual(await device.questions(), [])
  })

  check('removals travel both ways', async () => {
    const { device, id } = await withSession(), mine = device.id()
    await device.insert('sessions', { id: mine, title: 'Mine' })
    await device.sync()
    await other.remove('sessions', id)
    await device.remove('sessions', mine)
    await device.sync()
    assert.equal(await device.get('sessions', id), null)
    assert.equal(await other.get('sessions', mine), null)
    assert.deepEqual(await device.questions(), [])
  })

  check('null is left out for fields that need a value, and clears the others', async () => {
    const { device, id, get, update } = await withSession({ title: 'Evening', notes: 'Rain', status: null, kind: null })
    assert.equal((await get()).status, 'planned')
    await update({ status: null, notes: null })
    await device.sync()
    assert.deepEqual(await device.questions(), [])
    assert.deepEqual([(await other.get('sessions', id)).notes, (await get()).notes ?? null], [null, null])
  })

  check('lists, numbers, days and times come back as they were', async () => {
    const device = await phone(), id = device.id(), action = device.id()
    const row = { body: 'Tram', mood: 7, emotions: ['quiet', 'warm'], occurred_at: '2026-11-22T18:31:00.000000Z' }
    await device.insert('reflections', { id, ...row })
    const item = { title: 'Call', change: 'internal', facet: 'thought', due_on: '2026-12-31' }
    await device.insert('action-items', { id: action, ...item })
    await device.sync()
    const record = await other.get('reflections', id)
    for (const [name, value] of Object.entries(row)) assert.deepEqual(record[name], value)
    const before = device.network.pushes.length
    await (await phone(device)).sync()
    assert.equal(device.network.pushes.length, before)
    await other.change('reflections', id, { emotions: [] })
    const again = await phone(device)
    await again.sync()
    assert.equal(again.network.pushes.length, 0)
    await again.update('reflections', id, { mood: 3 })
    await again.sync()
    assert.deepEqual(again.network.ops(id).map(({ set }) => set), [{ mood: 3 }])
    assert.equal((await other.get('action-items', action)).due_on, '2026-12-31')
  })

  check('401 gets a new access token', async () => {
    const device = await phone(), id = device.id()
    device.network.refuse('/v1/sync/changes', 401, 'not-signed-in')
    await device.insert('sessions', { id, title: 'Evening' })
    await device.sync()
    assert.ok(await other.get('sessions', id))
  })

  check('401 without a new token asks for a sign-in, and keeps what waits', async () => {
    const device = await phone(null, { refresh: async () => false }), id = device.id()
    await device.insert('sessions', { id, title: 'Evening' })
    device.network.refuse('/v1/sync/push', 401, 'not-signed-in')
    await assert.rejects(device.sync(), { status: 401 })
    assert.deepEqual(device.told.map(({ type }) => type), ['sign-in'])
    await device.sync()
    assert.ok(await other.get('sessions', id))
  })

  for (const status of [429, 503]) {
    check(`${status} waits as long as Retry-After says`, async () => {
      const device = await phone(), id = device.id()
      await device.insert('sessions', { id, title: 'Evening' })
      device.network.refuse('/v1/sync/push', status, 'unavailable', { 'Retry-After': '7' })
      await device.sync()
      assert.deepEqual(device.network.pauses, [7000])
      assert.ok(await other.get('sessions', id))
    })
  }

  check('507 tells the person, and keeps what waits', async () => {
    const { device, id, get, update } = await withSession()
    await update({ notes: 'words' })
    device.network.refuse('/v1/sync/push', 507, 'storage-full')
    await assert.rejects(device.sync(), { status: 507 })
    assert.deepEqual(device.told.map(({ type }) => type), ['storage-full'])
    assert.equal((await get()).notes, 'words')
    await device.sync()
    assert.equal((await other.get('sessions', id)).notes, 'words')
  })

  check('an expired cursor begins the copy again: edits that waited arrive, what is gone is dropped', async () => {
    const { device, id, get, update } = await withSession(), gone = device.id(), edited = device.id()
    for (const each of [gone, edited]) await device.insert('sessions', { id: each, title: 'Gone' })
    await device.sync()
    await update({ notes: 'words' })
    await device.update('sessions', edited, { notes: 'kept' })
    for (const each of [gone, edited]) await other.remove('sessions', each)
    const resync = { since: 0, mode: 'replace', kept_through: null }
    device.network.refuse('/v1/sync/changes', 410, { code: 'cursor-expired', reason: 'expired', resync })
    device.network.rewrite = page => ({ ...page, changes: page.changes.filter(({ deleted }) => !deleted) })  // purged
    await device.sync()
    assert.equal((await get()).notes, 'words')
    assert.equal((await other.get('sessions', id)).notes, 'words')
    assert.equal(await device.get('sessions', gone), null)
    const questions = (await device.questions()).map(({ key, reason }) => [key, reason])
    assert.deepEqual(questions, [[`sessions/${edited}`, 'deleted']])
    assert.equal((await device.get('sessions', edited)).notes, 'kept')
  })

  check('two devices converge, whatever is lost on the way, and nobody\'s words are lost', async () => {
    const devices = [await phone(), await phone()], random = generator(SEED)
    const written = new Map()  // id → the devices that wrote it, the last words of each field, whether it was removed
    const pick = list => list[Math.floor(random() * list.length)]
    const attempt = device => device.sync().catch(error => { if (!(error instanceof TypeError)) throw error })
    const visible = async device => {
      const shown = await Promise.all([...written.keys()].map(async id => await device.get('sessions', id) && id))
      return shown.filter(Boolean)
    }
    let count = 0
    const edit = async device => {
      const ids = await visible(device)
      if (ids.length === 0) return
      const id = pick(ids), field = pick(['title', 'notes']), entry = written.get(id)
      entry.by.add(device)
      entry.last[field] = `words ${count++}`
      await device.update('sessions', id, { [field]: entry.last[field] })
    }
    for (let step = 0; step < STEPS; step++) {
      const device = pick(devices), deed = random()
      if (deed < 0.2) {
        const id = device.id(), last = { title: `words ${count++}` }
        written.set(id, { by: new Set([device]), last, isRemoved: false })
        await device.insert('sessions', { id, ...last })
      } else if (deed < 0.55) {
        await edit(device)
      } else if (deed < 0.6) {
        const ids = await visible(device)
        if (ids.length === 0) continue
        const id = pick(ids)
        written.get(id).isRemoved = true
        await device.remove('sessions', id)
      } else {
        if (random() < 0.3) device.network.lose(pick(['/v1/sync/push', '/v1/sync/changes']))
        if (random() < 0.2) device.network.plan('/v1/sync/push', { instead: () => { throw new TypeError('lost') } })
        if (random() < 0.3) device.network.plan('/v1/sync/push', { meanwhile: () => edit(device) })
        await attempt(device)
      }
    }
    for (let round = 0; round < 8; round++) {
      for (const device of devices) {
        await attempt(device)
        for (const { key, record } of await device.questions()) {
          const { by, isRemoved } = written.get(key.split('/')[1])
          assert.ok(by.size > 1 || isRemoved, `${key} is a question, though one device wrote it (seed ${SEED})`)
          await device.engine.resolve(key, record ? pick(['mine', 'theirs']) : 'theirs')
        }
      }
    }
    for (const [id, { by, last, isRemoved }] of written) {
      const record = await other.get('sessions', id)
      assert.ok(record || isRemoved, `${id} is gone, though nobody removed it (seed ${SEED})`)
      for (const device of devices) {
        const shown = await device.get('sessions', id)
        const words = shown && [shown.title, shown.notes ?? null]
        assert.deepEqual(words, record && [record.title, record.notes], `seed ${SEED}`)
        assert.deepEqual(await device.questions(), [])
      }
      if (record && by.size === 1) assert.deepEqual(record, { ...record, ...last }, `seed ${SEED}`)
    }
  })

  for (const isAnnounced of [true, false]) {
    const how = isAnnounced ? 'after `afterglow restored`' : 'that nobody announced'
    check(`a restore ${how}: what came after the backup is brought back`, async () => {
      const device = await phone()
      const [changed, cleared, removed, waiting, created, later, merged] = Array.from({ length: 7 }, () => device.id())
      for (const id of [changed, cleared, removed, waiting, merged]) {
        await device.insert('sessions', { id, title: 'Before', notes: 'old' })
      }
      await device.sync()
      await server.backup()
      await device.update('sessions', changed, { title: 'After', notes: null })
      await device.update('sessions', cleared, { notes: null })
      await device.remove('sessions', removed)
      await device.insert('sessions', { id: created, title: 'Created' })
      await device.insert('elements', { id: later, session_id: created, kind: 'memory', title: 'Child' })
      await device.sync()
      const second = await phone()
      await second.sync()
      await device.update('sessions', merged, { title: 'After' })
      await device.sync()
      await device.update('sessions', waiting, { notes: 'waiting' })
      await device.update('sessions', merged, { notes: 'waiting' })
      await server.restore({ isAnnounced })
      await device.sync()
      await second.sync()
      assert.deepEqual(await second.questions(), [])
      await device.sync()
      assert.deepEqual(await device.questions(), [])
      const there = async id => {
        const record = await other.get('sessions', id)
        for (const each of [device, second]) {
          const shown = await each.get('sessions', id)
          assert.deepEqual([shown?.title, shown?.notes ?? undefined], [record?.title, record?.notes ?? undefined])
        }
        return record && [record.title, record.notes]
      }
      assert.deepEqual(await there(changed), ['After', null])
      assert.deepEqual(await there(cleared), ['Before', null])
      assert.deepEqual(await there(removed), null)
      assert.deepEqual(await there(created), ['Created', null])
      assert.deepEqual(await there(waiting), ['Before', 'waiting'])
      assert.deepEqual(await there(merged), ['After', 'waiting'])
      assert.equal((await other.get('elements', later)).title, 'Child')
      const pushes = device.network.pushes.length
      await device.sync()
      assert.equal(device.network.pushes.length, pushes)
    })
  }
}
