/** The endpoint of Hugging Face's clients (specs/010-doors.md, "Rules: Hugging Face"). */
import { sendJson } from '../../daemon/http/call.ts'
import type { Door, DoorCall } from '../../daemon/http/doors/door.ts'
import type { DoorContext } from '../../daemon/http/doors/door-context.ts'
import { errorHeaders, HfError } from './hf-error.ts'
import { sendFile, sendInfo, sendPathsInfo, sendTree, type Asked } from './hf-handlers.ts'
import { sendRefs } from './hf-refs.ts'
import { routeOf, type HfRoute } from './hf-route.ts'
import { Revisions } from './revisions.ts'
import type { Snapshot } from './snapshot.ts'
import { openUpstream } from './upstream/open-upstream.ts'

type Send = (call: DoorCall, asked: Asked, snapshot: Snapshot) => Promise<void>

/** What is asked of one revision, and the methods for it. */
const SENDS: Readonly<
  Record<'info' | 'tree' | 'file' | 'paths-info', { readonly methods: string; readonly send: Send }>
> = {
  info: { methods: 'GET HEAD', send: sendInfo },
  tree: { methods: 'GET HEAD', send: sendTree },
  file: { methods: 'GET HEAD', send: sendFile },
  'paths-info': { methods: 'POST', send: sendPathsInfo },
}

export function hfDoors(context: DoorContext): readonly Door[] {
  const revisions = new Revisions(openUpstream(context))
  const handle = (call: DoorCall): Promise<void> => answer(call, routeOf(call.rest), revisions)
  // Nothing is changed here: a client asks for the facts of paths by POST.
  const methods = { GET: 'reader', HEAD: 'reader', POST: 'reader' } as const
  return [{ root: '/hf', methods, handle, errorHeaders }]
}

async function answer(call: DoorCall, route: HfRoute, revisions: Revisions): Promise<void> {
  const { method = '' } = call.request
  if (route.type === 'whoami') return sendWhoAmI(call)
  if (route.type === 'unknown') throw notHere(method)
  if (route.type === 'refs') {
    if (method === 'POST') throw notHere(method)
    return sendRefs(call, route.repo, revisions)
  }
  const { methods, send } = SENDS[route.type]
  if (!methods.split(' ').includes(method)) throw notHere(method)
  const { repo, revision } = route
  await revisions.with(call, repo, revision, (snapshot) => send(call, route, snapshot))
}

/** `hf auth login` and `hf auth whoami` ask for this: the token is good, or was not needed. */
function sendWhoAmI(call: DoorCall): void {
  sendJson(call, 200, {
    type: 'user',
    id: 'dstore',
    name: 'dstore',
    fullname: 'dstore',
    isPro: false,
    orgs: [],
    auth: { type: 'access_token', accessToken: { displayName: 'dstore', role: 'read' } },
  })
}

/** Reads of what dstore does not have are misses; for all else there is no other way in. */
function notHere(method: string): HfError {
  if (method !== 'POST')
    return new HfError(404, undefined, 'dstore does not serve this path of the API')
  const hint = 'publish a folder with `dstore hf publish DIR ORG/NAME`'
  return new HfError(501, undefined, 'dstore takes no uploads over this API', hint)
}
