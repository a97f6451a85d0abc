// Shadows: what the device knows of the server's side of each record. A person's edits are the difference between the
// shadow's `agreed` and what the library has, so none can be lost or forgotten. A shadow has the record's `key` and
//
//   agreed    the record as the server and this device last agreed on it; null before it was pushed
//   sent      the operation whose answer has not come; it is repeated unchanged
//   question  the result of an operation that a person has to look at
//   removed   the version in which the record was removed
//   lost      the record as it was agreed on, if the server was restored from a backup without it
import { cameAfter, creation, difference, namesOf, operation, same, seq } from './records.mjs'

/** Say whether the server knows all of a record; `mine` is what the library has. */
export const isClean = (shadow, mine) => !shadow.sent && !shadow.question && !operation(shadow, mine)

/** Say whether a question keeps an operation back: a conflict until it is answered, a rejection until an edit. */
export function isHeld(question, op) {
  if (!question || question.error?.retryable) return false
  return question.outcome === 'conflict' || (question.op.op === op.op && same(question.op.set, op.set))
}

/** Learn of a change; return what to show. Edits that wait stay as they are: the result of their push brings all. */
export function learnChange(shadow, mine, { record, version }, kept) {
  if (shadow.question) Object.assign(shadow.question, { record, version, reason: record ? 'changed' : 'deleted' })
  if (!isClean(shadow, mine)) return undefined
  const isFromBackup = shadow.removed && cameAfter(shadow.removed, kept) && seq(version) <= seq(kept)
  Object.assign(shadow, { agreed: record, removed: record ? null : version })
  return record && isFromBackup ? undefined : record  // not shown, it is an edit: the next push removes it again
}

/** Return a result with its record: the server leaves out one that has only what the device sent, or knew before. */
export function completed({ agreed }, op, result) {
  const { id, version, updated_at } = result
  if (!updated_at) return result
  const created_at = result.status === 201 ? updated_at : agreed?.created_at ?? updated_at
  const fields = Object.fromEntries(namesOf(op.collection).map(name => [name, null]))
  return { ...result, record: { ...fields, ...agreed, ...op.was, ...op.set, id, version, created_at, updated_at } }
}

/** Learn the result of an operation; return what to show. */
export function learnResult(shadow, op, result, mine) {
  const { outcome, record, version } = result, { lost } = shadow
  Object.assign(shadow, { sent: null, question: null })
  if (outcome === 'conflict' && lost && mine && 0 < seq(version) && seq(version) <= seq(lost.kept)) {
    shadow.agreed = record  // it is the backup's, and older than what this device has
    if (!record) shadow.sent = creation(shadow.key, { ...lost.record, ...mine }, { undelete: true })
    return undefined
  }
  if (outcome !== 'applied' && outcome !== 'unchanged') {
    shadow.question = { ...result, op }
    return undefined
  }
  const known = op.op === 'delete' ? null : { ...shadow.agreed, ...op.set }  // what the person saw when it was sent
  const edits = mine ? difference(op.collection, known, mine) : {}  // what they wrote since
  const before = Object.fromEntries(Object.keys(edits).map(name => [name, known?.[name] ?? null]))
  Object.assign(shadow, { removed: record ? null : version, lost: null })
  shadow.agreed = record && { ...record, ...(mine ? before : known) }
  if (record) return mine ? { ...record, ...edits } : undefined
  if (!mine || Object.keys(edits).length === 0) return null
  shadow.agreed = known  // removed elsewhere, but edited here since: the next push makes it a question
  return undefined
}
