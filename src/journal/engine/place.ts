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

export function parseEnginePlace(
  url: string,
  schemes: readonly string[],
  defaultPort: number,
): EnginePlace {
  const [, scheme = '', credentials, hosts = '', name = '', query = ''] = PLACE.exec(url) ?? []
  if (!schemes.includes(scheme)) throw malformed(`${schemes[0]}://HOST[:PORT][,HOST...]`)
  const listed = hosts.split(',')
  if (listed.length > HOSTS) throw malformed(`at most ${HOSTS} hosts`)
  const [user, password] = credentialsIn(credentials)
  return {
    scheme,
    user,
    password,
    hosts: listed.map((host) => hostIn(host, defaultPort)),
    name,
    parameters: new URLSearchParams(query),
    label: engineLabel(url),
  }
}

/** The URL without user, password and parameters. */
export const engineLabel = (url: string): string =>
  url.replace(/^([a-z]+:\/\/)[^/]*@/, '$1').replace(/\?.*$/, '')

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
  if (host === undefined || port < 1 || port > 65_535) throw malformed(`HOST[:PORT], not ${text}`)
  return { host, port }
}

/** Never with the URL: it may have a password. */
const malformed = (wanted: string): DstoreError =>
  new DstoreError('usage', `the URL of an engine must have the form: ${wanted}`)
