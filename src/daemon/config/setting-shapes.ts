/** What the values of a settings file are, by name. */
import { ARCHIVE_SHAPES } from './archive/archive-settings.ts'
import { SET_SHAPES } from './set/set-settings.ts'

/** The document of a settings file; throws, with a message for people, unless it is one. */
export function checkShape(value: unknown): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('not an object')
  for (const [name, setting] of Object.entries(value)) {
    const isValid = SHAPES.get(name)
    if (isValid === undefined) throw new Error(`unknown setting: ${name}`)
    if (!isValid(setting)) throw new Error(`not a ${name}: ${JSON.stringify(setting)}`)
  }
  return value
}

const isText = (value: unknown): boolean => typeof value === 'string'

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0
const isPort = (value: unknown): boolean => isCount(value) && Number(value) <= 65_535

const SHAPES: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['role', (value: unknown) => value === 'standalone' || value === 'global' || value === 'local'],
  ['join', isTexts],
  ['listen', isTexts],
  ['lanePort', isPort],
  ['store', isText],
  ['withoutData', (value: unknown) => typeof value === 'boolean'],
  ['cacheBytes', isCount],
  ['cacheDir', isText],
  ['cacheDirBytes', isCount],
  ['pins', isTexts],
  ['maxBytes', isCount],
  ['leaseMs', isCount],
  ['forgetAfterMs', isCount],
  ['socket', isText],
  ['socketGroup', isText],
  ['http', isText],
  ['httpHosts', isTexts],
  ['httpCert', isText],
  ['httpKey', isText],
  ['httpPublic', (value: unknown) => typeof value === 'boolean'],
  ['doors', isTexts],
  ['hfUpstream', isText],
  ...ARCHIVE_SHAPES,
  ...SET_SHAPES,
])
