/**
 * Opens the session and follows the events of the node while the rest of the page still arrives, so
 * that the first view has its figures at once.
 * @module
 */
import './first.js'
import { may, openSession } from './api/session.js'
import { openStore } from './parts/store.js'

/** @typedef {import('./core/documents.js').SessionDocument} SessionDocument */

/**
 * The session, and what ends its events; undefined without a session. Rejected with the API's
 * refusal.
 */
export const opening = begin()
// The page awaits it later, and shows the refusal then.
opening.catch(() => undefined)

/** @returns {Promise<{ session: SessionDocument, close: () => void } | undefined>} */
async function begin() {
  const session = await openSession()
  if (session === undefined) return undefined
  return { session, close: may('GET /v1/events') ? openStore() : () => undefined }
}
