// FHIR clients that others wrote, from npm, with the clinic of the demo: fhir-kit-client and MedplumClient.
import assert from 'node:assert/strict'
import { randomUUID, sign } from 'node:crypto'
import { after, before, describe, test } from 'node:test'

import { MedplumClient } from '@medplum/core'
import { Client } from 'fhir-kit-client'

import { OtherDevice, Server } from '../adapters/server.mjs'

const CLIENT_ID = '019aa2c4-7b00-7000-8000-00000000c11e'
const SYSTEM = 'https://linden-house.example/sessions'
const CHART = { system: 'https://linden-house.example/patients', value: 'P-1042' }
const UNKNOWN = '019aa2c4-7b00-7000-8000-00000000beef'
const PERIOD = { start: '2026-11-20T09:30:00Z', end: '2026-11-20T11:10:00Z' }
const TYPES = [
  'Patient', 'Consent', 'Procedure', 'MedicationAdministration', 'Observation', 'QuestionnaireResponse', 'Goal', 'Task',
  'DocumentReference',
]
const server = new Server()
let assessment

/** Return a JWT with which the demo's client authenticates (RFC 7523). */
function assertion(key) {
  const encode = value => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { iss: CLIENT_ID, sub: CLIENT_ID, aud: `${server.url}/oauth/token`, jti: randomUUID() }
  const head = encode({ alg: 'ES384', kid: 'demo', typ: 'JWT' })
  const signed = `${head}.${encode({ ...claims, exp: Math.floor(Date.now() / 1000) + 60 })}`
  return `${signed}.${sign('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

const resource = (resourceType, value, more) => ({
  resourceType, status: 'completed', subject: { identifier: CHART }, identifier: [{ system: SYSTEM, value }], ...more,
})
const procedure = (value, more) => resource('Procedure', value, { performedPeriod: PERIOD, ...more })
const administration = value => resource('MedicationAdministration', value, {
  effectivePeriod: PERIOD,
  medicationCodeableConcept: { coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '6130' }] },
  dosage: { dose: { value: 62.5, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' } },
})
const entry = each => ({
  resource: each,
  request: { method: 'PUT', url: `${each.resourceType}?identifier=${SYSTEM}|${each.identifier[0].value}` },
})
const bundle = (type, ...resources) => ({ resourceType: 'Bundle', type, entry: resources.map(entry) })

before(async () => {
  await server.start()
  const person = new OtherDevice(server)
  await person.share(['elements', 'intentions', 'assessments'])
  const answers = { instrument: 'phq-9', answers: [1, 1, 2, 1, 0, 1, 1, 0, 0, 1], visibility: 'shared' }
  assessment = await person.create('assessments', answers)
})
after(() => server.end())

describe('fhir-kit-client', () => {
  let client
  before(() => {
    client = new Client({ baseUrl: `${server.url}/fhir`, bearerToken: server.clinicToken(CLIENT_ID) })
  })

  test('finds the token endpoint and what is implemented', async () => {
    const { tokenUrl } = await client.smartAuthMetadata()
    assert.equal(String(tokenUrl), `${server.url}/oauth/token`)
    const { rest } = await client.capabilityStatement()
    assert.deepEqual(rest[0].resource.map(({ type }) => type), TYPES)
  })

  test('reads and searches', async () => {
    const identifier = `${CHART.system}|${CHART.value}`
    const { total, entry: [{ resource: patient }] } =
      await client.search({ resourceType: 'Patient', searchParams: { identifier } })
    assert.equal(total, 1)
    assert.equal((await client.read({ resourceType: 'Patient', id: patient.id })).id, patient.id)
    for (const resourceType of TYPES) {
      const found = await client.search({ resourceType, searchParams: { _count: 100 }, options: { postSearch: true } })
      assert.equal(found.total, found.entry?.length ?? 0)
    }
    await assert.rejects(client.read({ resourceType: 'Procedure', id: UNKNOWN }), ({ response }) =>
      response.status === 404 && response.data.resourceType === 'OperationOutcome')
    await assert.rejects(client.search({ resourceType: 'Goal', searchParams: { wisteria: 1 } }), ({ response }) =>
      response.status === 400 && response.data.issue[0].severity === 'error')
  })

  test('resolves the answers of a total', async () => {
    const searchParams = { _id: assessment.id, status: 'final' }
    const { entry: [{ resource: total }] } = await client.search({ resourceType: 'Observation', searchParams })
    assert.equal(total.valueInteger, 7)
    const response = await client.resolve({ reference: total.derivedFrom[0].reference })
    assert.deepEqual([response.resourceType, response.item.length], ['QuestionnaireResponse', 10])
  })

  test('creates, updates and pages', async () => {
    const options = { headers: { 'If-None-Exist': `identifier=${SYSTEM}|K-1` } }
    const created = await client.create({ resourceType: 'Procedure', body: procedure('K-1'), options })
    assert.equal(Client.httpFor(created).response.status, 201)
    const again = await client.create({ resourceType: 'Procedure', body: procedure('K-1'), options })
    assert.deepEqual([Client.httpFor(again).response.status, again.id], [200, created.id])
    const stopped = { ...created, status: 'stopped', statusReason: { text: 'wisteria' } }
    const headers = { 'If-Match': `W/"${created.meta.versionId}"` }
    const update = () => client.update({ resourceType: 'Procedure', id: created.id, body: stopped, options: { headers } })
    assert.equal((await update()).status, 'stopped')
    await assert.rejects(update(), ({ response }) => response.status === 412)
    const searchParams = { identifier: `${SYSTEM}|K-2` }
    await client.update({ resourceType: 'Procedure', searchParams, body: procedure('K-2') })
    const seen = []
    let page = await client.search({ resourceType: 'Procedure', searchParams: { _count: 1 } })
    const { total } = page
    for (; page; page = await client.nextPage({ bundle: page })) seen.push(page.entry[0].resource.id)
    assert.deepEqual([seen.length, new Set(seen).size], [total, total])
  })

  test('sends a batch and a transaction', async () => {
    const body = bundle('transaction', procedure('K-3'), administration('K-3'))
    const { entry: written } = await client.transaction({ body })
    assert.deepEqual(written.map(({ response }) => response.status), ['201 Created', '201 Created'])
    const { entry: repeated } = await client.batch({ body: { ...body, type: 'batch' } })
    assert.deepEqual(repeated.map(({ response }) => response.status), ['200 OK', '200 OK'])
  })
})

describe('MedplumClient', () => {
  let client
  before(async () => {
    client = new MedplumClient({
      baseUrl: server.url, fhirUrlPath: 'fhir', tokenUrl: 'oauth/token', fetch, cacheTime: 0, clientId: CLIENT_ID,
    })
    await client.startJwtAssertionLogin(assertion(server.clinicKey()))
  })

  test('gets a token, reads and searches', async () => {
    const [patient] = await client.searchResources('Patient')
    assert.equal((await client.readResource('Patient', patient.id)).identifier[0].value, CHART.value)
    const [total] = await client.searchResources('Observation', { _id: assessment.id })
    assert.equal(total.subject.reference, `Patient/${patient.id}`)
    const response = await client.readReference(total.derivedFrom[0])
    assert.equal(response.item[0].linkId, '44250-9')
    await assert.rejects(client.readResource('Procedure', UNKNOWN), ({ outcome }) => outcome.issue[0].code === 'not-found')
  })

  test('creates, upserts and updates', async () => {
    const query = `identifier=${SYSTEM}|M-1`
    const created = await client.createResourceIfNoneExist(procedure('M-1'), query)
    assert.equal((await client.createResourceIfNoneExist(procedure('M-1'), query)).id, created.id)
    const stopped = { status: 'stopped', statusReason: { text: 'wisteria' } }
    assert.equal((await client.upsertResource(procedure('M-1', stopped), query)).id, created.id)
    assert.equal((await client.updateResource({ ...created, ...stopped, status: 'completed' })).status, 'completed')
    const [found] = await client.searchResources('Procedure', { identifier: `${SYSTEM}|M-1` })
    assert.deepEqual([found.id, found.status, found.statusReason.text], [created.id, 'completed', 'wisteria'])
  })

  test('pages and sends a batch', async () => {
    const { entry: written } = await client.executeBatch(bundle('batch', procedure('M-2'), administration('M-2')))
    assert.deepEqual(written.map(({ response }) => response.status), ['201 Created', '201 Created'])
    const seen = []
    for await (const [each] of client.searchResourcePages('Procedure', { _count: '1' })) seen.push(each.id)
    const { total } = await client.search('Procedure', { _count: '0' })
    assert.deepEqual([seen.length, new Set(seen).size], [total, total])
  })
})
