import { randomBytes } from 'node:crypto'
import { test } from '../../../serial.ts'
import {
  HTTP_TOKEN_BYTES,
  PAGE_CODE_MS,
  PAGE_CODES,
  PAGE_SESSION_MS,
  PAGE_SESSIONS,
} from '../../../../src/limits.ts'
import { Sessions } from '../../../../src/daemon/http/session/sessions.ts'
import { SOCKET_CALLER, type Caller } from '../../../../src/daemon/http/tokens/caller.ts'

/** Sessions with a clock and tokens that the test moves and revokes. */
function made() {
  const world = { now: 1_000_000, revoked: new Set<string>() }
  const sessions = new Sessions({
    now: () => world.now,
    randomBytes,
    isToken: (hash) => !world.revoked.has(hash),
  })
  return { world, sessions }
}

const ci = (hash = 'ci'): Caller => ({ label: 'ci', role: 'writer', prefix: 'ci/', hash })

test('R013-3 a code opens one session, with the role and the prefix of its maker', (t) => {
  const { world, sessions } = made()
  const { code, expiresAt } = sessions.makeCode(ci())
  t.is(expiresAt, world.now + PAGE_CODE_MS)
  t.regex(code, new RegExp(`^dstore_code_[0-9a-f]{${2 * HTTP_TOKEN_BYTES}}$`))
  const { token, session } = sessions.trade(code)!
  t.regex(token, new RegExp(`^dstore_session_[0-9a-f]{${2 * HTTP_TOKEN_BYTES}}$`))
  t.like(session, { label: 'session:ci', role: 'writer', prefix: 'ci/', isSession: true })
  t.is(session.expiresAt, world.now + PAGE_SESSION_MS)
  t.is(sessions.find(token), session)
  t.is(sessions.trade(code), undefined)
  t.is(sessions.find(code), undefined)
  t.is(sessions.trade(token), undefined)
})

test('R013-3 a session has a lesser role where its code says so, and never a greater one', (t) => {
  const { sessions } = made()
  const lesser = sessions.trade(sessions.makeCode(ci(), 'reader').code)!
  t.is(lesser.session.role, 'reader')
  t.is(lesser.session.prefix, 'ci/')
  t.throws(() => sessions.makeCode(ci(), 'admin'), { code: 'not-permitted' })
  t.throws(() => sessions.makeCode(lesser.session), { code: 'not-permitted' })
  t.throws(() => sessions.makeCode(lesser.session, 'reader'), { code: 'not-permitted' })
})

test('R013-3 a code is worth nothing once its time is over', (t) => {
  const { world, sessions } = made()
  const { code } = sessions.makeCode(SOCKET_CALLER)
  const late = sessions.makeCode(SOCKET_CALLER).code
  world.now += PAGE_CODE_MS - 1
  t.truthy(sessions.trade(code))
  world.now++
  t.is(sessions.trade(late), undefined)
  world.now--
  t.is(sessions.trade(late), undefined, 'it was tried, and is gone')
})

test('R013-5 no part of a code opens, and none with another character', (t) => {
  const { sessions } = made()
  const { code } = sessions.makeCode(SOCKET_CALLER)
  for (let at = 0; at < code.length; at++) {
    t.is(sessions.trade(code.slice(0, at)), undefined)
    t.is(sessions.trade(`${code.slice(0, at)}x${code.slice(at + 1)}`), undefined)
  }
  t.is(sessions.trade(`${code}0`), undefined)
  t.truthy(sessions.trade(code))
})

test('R013-4 of too many codes the oldest of the caller that has most is gone', (t) => {
  const { sessions } = made()
  const { code: other } = sessions.makeCode(SOCKET_CALLER)
  const codes = Array.from({ length: PAGE_CODES + 5 }, () => sessions.makeCode(ci()).code)
  const opened = codes.map((code) => sessions.trade(code) !== undefined)
  t.is(opened.filter(Boolean).length, PAGE_CODES - 1)
  t.deepEqual(
    opened,
    codes.map((_, at) => at >= 6),
  )
  t.truthy(sessions.trade(other), 'a caller that makes many takes none from another')
})

test('R013-6 of too many sessions the oldest of the caller that has most is gone', (t) => {
  const { sessions } = made()
  const open = (maker: Caller): string => sessions.trade(sessions.makeCode(maker).code)!.token
  const own = open(SOCKET_CALLER)
  const tokens = Array.from({ length: PAGE_SESSIONS + 2 }, () => open(ci()))
  t.deepEqual(
    tokens.map((token) => sessions.find(token) !== undefined),
    tokens.map((_, at) => at >= 3),
  )
  t.truthy(sessions.find(own))
})

test('R013-6 a session ends after its day, and when it is ended', (t) => {
  const { world, sessions } = made()
  const open = () => sessions.trade(sessions.makeCode(SOCKET_CALLER).code)!
  const [first, second] = [open(), open()]
  sessions.end(first.session)
  t.is(sessions.find(first.token), undefined)
  t.false(sessions.has(first.session.hash))
  world.now += PAGE_SESSION_MS - 1
  t.truthy(sessions.find(second.token))
  world.now++
  t.is(sessions.find(second.token), undefined)
  t.false(sessions.has(second.session.hash))
})

test('R013-6 codes and sessions of a token that is revoked or expires end with it', (t) => {
  const { world, sessions } = made()
  const { code } = sessions.makeCode(ci('a'))
  const opened = sessions.trade(sessions.makeCode(ci('a')).code)!
  const other = sessions.trade(sessions.makeCode(ci('b')).code)!
  world.revoked.add('a')
  t.is(sessions.trade(code), undefined)
  t.is(sessions.find(opened.token), undefined)
  t.truthy(sessions.find(other.token))
  const ends = world.now + 5000
  const soon = sessions.makeCode({ ...ci('c'), expiresAt: ends })
  t.is(soon.expiresAt, ends)
  const { token, session } = sessions.trade(soon.code)!
  t.is(session.expiresAt, ends)
  world.now = ends
  t.is(sessions.find(token), undefined)
})

test('R013-4 no code and no token is kept, only their hashes', (t) => {
  const { sessions } = made()
  const { code } = sessions.makeCode(SOCKET_CALLER)
  const opened = sessions.trade(sessions.makeCode(SOCKET_CALLER).code)!
  // Private fields are out of reach; the session is what the server hands on.
  t.false(JSON.stringify([sessions, opened.session]).includes(opened.token))
  t.false(JSON.stringify([sessions, opened.session]).includes(code))
})
