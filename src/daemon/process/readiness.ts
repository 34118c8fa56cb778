/** What a starting daemon tells the process that started it: one line of JSON on a pipe between them. */
import type { Problem } from '../api/api.ts'

/** Environment variable that names the pipe's descriptor. */
export const READY_FD_VARIABLE = 'DSTORE_READY_FD'

export type Readiness =
  | { readonly ready: true; /** Path of the socket. */ readonly socket: string }
  | { readonly ready: false; /** What kept it from starting. */ readonly problem: Problem }
