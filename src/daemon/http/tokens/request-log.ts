/** The log of requests over TCP: who asked for what, and what came of it (R007-324). */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '../../../log.ts'
import type { Caller } from './caller.ts'
import { withoutSecrets } from './without-secrets.ts'

/** Logs the request when its response ends. */
export type RequestLog = (request: IncomingMessage, response: ServerResponse, by: Caller) => void

/** Reads are many, and for debugging; whatever may change something is logged as information. */
export const requestLog =
  (log: Log): RequestLog =>
  ({ method, url = '' }, response, { label }) => {
    // Without the query, in which a client may have sent a secret.
    const [path = ''] = url.split('?')
    const level = /^(GET|HEAD|OPTIONS|PROPFIND)$/.test(method ?? '') ? 'debug' : 'info'
    response.once('close', () => {
      const status = response.headersSent ? response.statusCode : undefined
      log[level]('request', { by: label, method, path: withoutSecrets(path), status })
    })
  }
