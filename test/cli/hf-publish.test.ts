/** What `dstore hf publish` binds and says; the transcript has the command itself. */
import { test } from '../serial.ts'
import { targetIn } from '../../cli/commands/hf/target.ts'
import { endpointIn, waysIn } from '../../cli/commands/hf/ways-in.ts'
import { nameOfRevision } from '../../src/doors/hf/hf-repo.ts'

const nameOf = (target: string, type?: string): string => {
  const { repo, revision } = targetIn(target, type)
  return nameOfRevision(repo, revision)
}

test('R010-60 a target is a name that the door serves', (t) => {
  t.is(nameOf('acme/tiny'), 'hf/acme/tiny@main')
  t.is(nameOf('gpt2@v1'), 'hf/gpt2@v1')
  t.is(nameOf('acme/tiny@refs/pr/1', 'model'), 'hf/acme/tiny@refs/pr/1')
  t.is(nameOf('acme/tiny@a@b', 'dataset'), 'hf/datasets/acme/tiny@a@b')
  t.is(nameOf('acme/tiny', 'space'), 'hf/spaces/acme/tiny@main')
  for (const target of [
    '',
    '@',
    'a/b@',
    'a/b@..',
    'a/b@x//y',
    'a/b.git',
    'a/tree',
    'a/b/c',
    'é/b',
  ]) {
    t.throws(() => nameOf(target), { name: 'DstoreError', code: 'usage' }, target)
  }
  for (const type of ['', 'models', 'kernel', 'Dataset']) {
    t.throws(() => nameOf('a/b', type), { message: `no such type of a repository: ${type}` })
  }
  t.like(
    t.throws(() => nameOf('datasets/a/b')),
    { hint: 'write ORG/NAME, and --type dataset' },
  )
})

test('R010-61 it says how clients reach the node, or what that lacks', (t) => {
  const http = { url: 'http://127.0.0.1:1', public: false, tokenFile: '', refused: 0 }
  const lacks = (flags: string): string[] => [
    `no client reaches it by this node: dstore stop; dstore start ${flags}`,
  ]
  t.deepEqual(waysIn({ daemon: {} }), lacks('--door hf --http HOST:PORT'))
  t.deepEqual(waysIn({ daemon: { http, doors: ['/cache'] } }), lacks('--door cache,hf'))
  t.deepEqual(waysIn({ daemon: { doors: ['/hf'] } }), lacks('--http HOST:PORT'))
  t.is(endpointIn({ daemon: { doors: ['/hf'] } }), undefined)
  const [endpoint, token] = waysIn({ daemon: { http, doors: ['/hf'] } })
  t.is(endpoint, 'export HF_ENDPOINT=http://127.0.0.1:1/hf')
  t.regex(token!, /^export HF_TOKEN=/)
  const open = { ...http, public: true }
  t.deepEqual(waysIn({ daemon: { http: open, doors: ['/hf'] } }), [endpoint!])
  // Each command works as it stands, for the same node.
  t.deepEqual(waysIn({ daemon: { http } }, { dir: 'd' }), [
    'no client reaches it by this node: dstore stop --dir d; dstore start --dir d --door hf',
  ])
  t.regex(waysIn({ daemon: { http, doors: ['/hf'] } }, { dir: 'd' })[1]!, /token add --dir d /)
})
