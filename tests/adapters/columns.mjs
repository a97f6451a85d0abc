// What an app's schemas need to know of the fields: which are numbers, lists and optional.
import { FIELDS } from '../../openapi/clients/records.mjs'

const NUMBERS = new Set(['dose_value', 'intensity', 'valence', 'significance', 'mood', 'weight', 'baseline', 'version'])
const LISTS = new Set(['emotions', 'domains', 'scale'])

/** Return `{ name, type }` of every field that an app keeps: `number`, `array` or `string`. */
export function columnsOf(collection) {
  const names = [...FIELDS[collection].replaceAll('!', '').split(' '), 'version', 'created_at', 'updated_at']
  return names.map(name => ({ name, type: NUMBERS.has(name) ? 'number' : LISTS.has(name) ? 'array' : 'string' }))
}

export const COLLECTIONS = Object.keys(FIELDS)
