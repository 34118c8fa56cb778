/** Errors with the headers by which Hugging Face's clients tell them apart (R010-56). */
import { HttpError } from '../../daemon/http/http-error.ts'
import { asDstoreError } from '../../errors.ts'
import { nameOfRevision, type HfRepo } from './hf-repo.ts'

/** What the client makes an exception of. */
export type HfErrorCode = 'RepoNotFound' | 'RevisionNotFound' | 'EntryNotFound' | 'GatedRepo'

/** A refusal by what the client asks for: not for what is wrong with the node. */
export class HfError extends HttpError {
  constructor(status: number, code: HfErrorCode | undefined, message: string, hint?: string) {
    const headers = code === undefined ? {} : { 'X-Error-Code': code }
    super(status, message, headers, status === 404 ? 'not-found' : 'usage', hint)
  }
}

/** The client prints this for a wrong token, and takes other refusals for a missing repository. */
const WRONG_TOKEN = 'Invalid credentials in Authorization header'

/** The message in a header, as these clients print no other: at most this many characters. */
const MESSAGE_CHARACTERS = 500

/** The headers that each error of the door has beside its own. */
export function errorHeaders(error: unknown): Readonly<Record<string, string>> {
  const { message, hint } = asDstoreError(error)
  const isRefused = error instanceof HttpError && error.status === 401
  const text = hint === undefined ? message : `${message}; ${hint}`
  const shown = isRefused && /wrong/.test(message) ? WRONG_TOKEN : text
  // A header has no characters but these.
  const ascii = shown.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, MESSAGE_CHARACTERS)
  return { 'X-Error-Message': ascii }
}

export const noRepo = ({ kind, id }: HfRepo): HfError =>
  new HfError(404, 'RepoNotFound', `no names of ${kind} ${id}`, 'see `dstore hf publish`')

export const noRevision = (repo: HfRepo, revision: string): HfError =>
  new HfError(404, 'RevisionNotFound', `no such revision: ${nameOfRevision(repo, revision)}`)

export const noEntry = (path: string): HfError =>
  new HfError(404, 'EntryNotFound', `no such file in this revision: ${path}`)
