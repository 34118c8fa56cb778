/** The settings of the API over TCP beside its address: host names and TLS (R007-336, R007-337). */
import { DstoreError } from '../../errors.ts'
import { absolutePath } from './working-directory.ts'

/** As in `Settings`. */
interface HttpExtras {
  readonly httpHosts?: readonly string[]
  readonly httpCert?: string
  readonly httpKey?: string
}

/** A host name as DNS has it, without a port. */
const HOST_NAME = /^(?=.{1,253}$)[a-z\d]([\w-]{0,62})(\.[a-z\d][\w-]{0,62})*$/i

/** Whether the text is the name of a host, without a port. */
export const isHostName = (host: string): boolean => HOST_NAME.test(host)

/** Throws `usage` for a text that is no name of a host. */
export function checkHostName(host: string): void {
  if (isHostName(host)) return
  throw new DstoreError('usage', `not the name of a host: ${host}`, {
    hint: 'write a name without a port, such as cache.corp; an IP address needs none',
  })
}

/** An absolute path, or `none`. */
export const pathOrNone = (text: string, what: string): string =>
  text === 'none' ? text : absolutePath(text, what)

/** Throws `usage` for settings that nothing would use, and for half of a certificate. */
export function checkHttpExtras(given: HttpExtras, merged: HttpExtras, overTcp: boolean): void {
  const { httpHosts, httpCert, httpKey } = given
  const isGiven = [httpHosts?.join(), httpCert, httpKey].some(
    (one) => one !== undefined && one !== 'none',
  )
  if (isGiven && !overTcp) {
    throw new DstoreError('usage', '--http-host, --http-cert and --http-key are for TCP', {
      hint: 'say where to serve with --http',
    })
  }
  const { cert, key } = certificateOf(merged)
  if ((cert === undefined) !== (key === undefined)) {
    throw new DstoreError('usage', 'a certificate needs its key, and a key its certificate', {
      hint: 'give both --http-cert and --http-key',
    })
  }
}

/** What applies of them. A new address keeps them: TLS must not end by the way. */
export function resolveHttp(merged: HttpExtras): HttpExtras {
  const { httpHosts = [] } = merged
  const hosts = httpHosts.filter((host) => host !== 'none')
  const { cert, key } = certificateOf(merged)
  return {
    ...(hosts.length > 0 && { httpHosts: hosts }),
    ...(cert !== undefined && key !== undefined && { httpCert: cert, httpKey: key }),
  }
}

/** `none` for one of both means neither. */
function certificateOf({ httpCert, httpKey }: HttpExtras): { cert?: string; key?: string } {
  if (httpCert === 'none' || httpKey === 'none') return {}
  return {
    ...(httpCert !== undefined && { cert: httpCert }),
    ...(httpKey !== undefined && { key: httpKey }),
  }
}
