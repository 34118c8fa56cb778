/** The URL of an engine: `SCHEME://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]...][/NAME][?K=V]`. */
import { DstoreError } from '../../errors.ts'

export interface EnginePlace {
  readonly scheme: string
  readonly user: string | undefined
  readonly password: string | undefined
  readonly hosts: readonly EngineHost[]
  /** What follows the hosts, without the slash; empty if there is nothing. */
  readonly name: string
  readonly parameters: URLSearchParams
  /** For messages: without user and password. */
  readonly label: string
}

export interface EngineHost {
  readonly host: string
  readonly port: number
}

const PLACE = /^([a-z]+):\/\/(?:([^@/?]*)@)?([^/?@]+)(?:\/([^?]*))?(?:\?(.*))?$/
const HOST = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/
/** Hosts of one URL. */
const HOSTS = 16

/** `known`: the parameters that it may have. One that nothing reads may be a misspelt promise. */
export function parseEnginePlace(
  url: string,
  schemes: readonly string[],
  defaultPort: number,
  known: readonly string[] = [],
): EnginePlace {
  const [, scheme = '', credentials, hosts = '', name = '', query = ''] = PLACE.exec(url) ?? []
  if (!schemes.includes(scheme)) throw malformed(`${schemes[0]}://HOST[:PORT][,HOST...]`)
  const listed = hosts.split(',')
  if (listed.length > HOSTS) throw malformed(`at most ${HOSTS} hosts`)
  const [user, password] = credentialsIn(credentials)
  const parameters = new URLSearchParams(query)
  checkParameters([...parameters.keys()], known)
  return {
    scheme,
    user,
    password,
    hosts: listed.map((host) => hostIn(host, defaultPort)),
    name,
    parameters,
    label: engineLabel(url),
  }
}

/** The URL without user, password and parameters. */
export const engineLabel = (url: string): string =>
  url.replace(/^([a-z]+:\/\/).*@/s, '$1').replace(/\?.*$/, '')

function checkParameters(names: readonly string[], known: readonly string[]): void {
  if (names.every((name, i) => known.includes(name) && names.indexOf(name) === i)) return
  throw malformed(known.length === 0 ? 'no parameters' : `once each: ${known.join(', ')}`)
}

function credentialsIn(text: string | undefined): (string | undefined)[] {
  if (text === undefined) return []
  const colon = text.indexOf(':')
  try {
    if (colon === -1) return [decodeURIComponent(text)]
    return [text.slice(0, colon), text.slice(colon + 1)].map(decodeURIComponent)
  } catch {
    throw malformed('a user and a password in percent-encoding')
  }
}

function hostIn(text: string, defaultPort: number): EngineHost {
  const [, host, digits] = HOST.exec(text) ?? []
  const port = digits === undefined ? defaultPort : Number(digits)
  if (text.split(':').length > 2 && !text.startsWith('[')) {
    throw malformed('[ADDRESS]:PORT for an address of IPv6')
  }
  if (host === undefined || port < 1 || port > 65_535) throw malformed(`HOST[:PORT], not ${text}`)
  return { host, port }
}

/** Never with the URL: it may have a password. */
const malformed = (wanted: string): DstoreError =>
  new DstoreError('usage', `the URL of an engine must have the form: ${wanted}`)
