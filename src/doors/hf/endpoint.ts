/** URLs of this endpoint, for the headers in which clients follow no path alone. */
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import type { HfRepo } from './hf-repo.ts'

/**
 * The endpoint as the client reaches it: by the host that it sent, which was checked, and
 * over TLS if it, or the proxy in between, says so.
 */
export function endpointOf({ request }: DoorCall): string {
  const { host = '', 'x-forwarded-proto': proto } = request.headers
  const { encrypted } = request.socket as { readonly encrypted?: boolean }
  return `${encrypted === true || proto === 'https' ? 'https' : 'http'}://${host}/hf`
}

/** Where the file of a commit is. */
export const filePath = ({ kind, id }: HfRepo, commit: string, path: string): string =>
  `/${kind === 'models' ? '' : `${kind}/`}${id}/resolve/${commit}/${encodedPath(path)}`

/** Where the entries of a folder are, those after an entry. */
export function treePath(
  { kind, id }: HfRepo,
  commit: string,
  folder: string,
  query: Readonly<Record<string, string>>,
): string {
  const path = folder === '' ? '' : `/${encodeURIComponent(folder)}`
  return `/api/${kind}/${id}/tree/${commit}${path}?${new URLSearchParams(query).toString()}`
}

const encodedPath = (path: string): string => path.split('/').map(encodeURIComponent).join('/')
