/**
 * Every page of documentation does what it says: its commands run against real daemons, and print
 * what the page shows below them (`docs.extended.ts` runs those beside the README).
 * `DSTORE_COMMAND` names an installed `dstore` to try the README with, on a PATH without Node;
 * without it, the built bundle runs.
 */
import { test } from '../serial.ts'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { COMMANDS } from '../../cli/commands.ts'
import { temporaryDirectory } from '../daemon/serving.ts'
import { VOLATILE, normalise } from './normalise.ts'
import { blocksOf } from './page.ts'
import { PAGES, isRun } from './pages.ts'
import { runPage } from './run-page.ts'

/** Blocks that no test runs, by page and first line, and why. */
const NOT_RUN: readonly (readonly [page: string, title: string, why: string])[] = [
  ['docs/archive.md', '$ npm i -g @aws-sdk/client-s3@3.1175.0', 'npm'],
  [
    'docs/archive.md',
    'old$ dstore start --global --listen /ip4/0.0.0.0/tcp/4480 --archive s3://company-dstore/main --archive-key /etc/dstore/archive.key',
    'archive-drill.extended.ts does it',
  ],
  [
    'docs/archive.md',
    'old$ dstore start --archive s3://company-dstore/main --archive-endpoint https://s3.example.net',
    'a bucket',
  ],
  [
    'docs/archive.md',
    'new$ dstore start --global --listen /ip4/0.0.0.0/tcp/4480 --archive s3://company-dstore/main --archive-key /etc/dstore/archive.key --take-over',
    'archive-drill.extended.ts does it',
  ],
  ['docs/archive.md', 'new$ dstore status', 'archive-drill.extended.ts does it'],
  ['docs/from-a-program.md', '$ npm install @dstore/dstore', 'not published'],
  [
    'docs/from-a-program.md',
    '$ npx esbuild program.mjs --bundle --platform=node --format=esm --outfile=bundle.mjs',
    'test/consumers does it',
  ],
  ['docs/page.md', '$ ssh build-7 dstore open --print', 'another machine'],
  [
    'docs/page.md',
    '$ curl -s -X POST -H "Authorization: Bearer $(cat test.token)" -d \'{}\' $URL/v1/session/codes',
    'a token',
  ],
  ['docs/python.md', "$ pip install './clients/python[verify,fsspec]'", 'pip; .ci/run does it'],
  ['docs/service.md', '# npm install --global .', 'root'],
  [
    'docs/service.md',
    "# printf 'DSTORE_GLOBAL=1\\nDSTORE_LISTEN=/ip4/0.0.0.0/tcp/4480\\nDSTORE_LANE_PORT=4481\\nDSTORE_MAX_SIZE=200GiB\\n' > /etc/dstore/main.env",
    'root, systemd',
  ],
  [
    'docs/service.md',
    '# install -d -o dstore -g dstore -m 0750 /var/lib/dstore /var/lib/dstore/main',
    'root',
  ],
  ['docs/service.md', '# ufw allow 4480:4481/tcp', 'root'],
  ['docs/service.md', '$ mkdir -p ~/.config/systemd/user ~/.config/dstore', 'systemd'],
  ['docs/service.md', '$ dstore stop', 'macOS'],
  ['docs/service.md', '$ cd packaging/docker', 'Docker'],
  [
    'docs/set.md',
    '$ npm i -g @aws-sdk/client-s3@3.1175.0 @nats-io/transport-node@3.3.1 pg@8.23.1',
    'npm, pip, Go',
  ],
  ['docs/set.md', 'umask 077', 'engines/set/page.slow.ts does it'],
  ['docs/set.md', 'for i in 1 2 3; do', 'engines/set/page.slow.ts does it'],
  [
    'docs/set.md',
    `PATH="$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' :)"`,
    'engines/set/page.slow.ts does it',
  ],
  ['docs/set.md', 'member() {', 'engines/set/page.slow.ts does it'],
  [
    'docs/set.md',
    'dstore invite --dir ~/set/a | dstore join --dir ~/set/local',
    'engines/set/page.slow.ts does it',
  ],
  [
    'docs/set.md',
    "kill -9 $(dstore status --dir ~/set/a --json | node -p 'JSON.parse(fs.readFileSync(0)).daemon.pid')",
    'engines/set/page.slow.ts does it',
  ],
  ['docs/set.md', 'member a 4510', 'engines/set/page.slow.ts does it'],
  [
    'docs/set.md',
    'for node in local a b c; do dstore stop --dir ~/set/$node; done',
    'engines/set/page.slow.ts does it',
  ],
  [
    'docs/set.md',
    '# npm i -g @aws-sdk/client-s3@3.1175.0 @nats-io/transport-node@3.3.1',
    'root, systemd',
  ],
  [
    'docs/set.md',
    '# useradd --system --home-dir /var/lib/dstore --shell /usr/sbin/nologin dstore',
    'root, systemd',
  ],
  ['docs/set.md', '# systemctl enable --now dstore-member@main', 'root, systemd'],
  [
    'docs/set.md',
    '# rsync -p --chown dstore:dstore /var/lib/dstore/keys/main.key g2:/var/lib/dstore/keys/',
    'root, systemd',
  ],
  ['docs/set.md', '# systemctl enable --now dstore-member@main', 'root, systemd'],
  [
    'docs/set.md',
    'g1# sudo -u dstore dstore invite --dir /var/lib/dstore/main -o ticket',
    'root, systemd',
  ],
  ['docs/set.md', '# npm i -g @aws-sdk/client-s3@3.1175.0 pg@8.23.1', 'root, systemd'],
  ['docs/set.md', '# npm i -g @dstore/dstore', 'root, systemd'],
  [
    'docs/set.md',
    '# sudo -u dstore dstore set step-down --dir /var/lib/dstore/main',
    'root, systemd',
  ],
  [
    'docs/set.md',
    'laptop$ while sleep 0.2; do date | dstore put - --quiet; done',
    'a Local of a set',
  ],
  ['docs/two-machines.md', '# ufw allow 4480:4481/tcp', 'root'],
  ['docs/two-machines.md', 'laptop$ dstore join @ticket', 'the loopback of another machine'],
  ['docs/two-machines.md', 'laptop$ dstore join @ticket', 'another port'],
  ['docs/two-machines.md', 'laptop$ dstore join @ticket', 'a firewall'],
  [
    'docs/two-machines.md',
    'other$ dstore join /ip4/192.0.2.10/tcp/4480/p2p/12D3KooWPjce...',
    'as in test/transcripts/three-nodes.txt',
  ],
  [
    'docs/two-machines.md',
    'laptop$ dstore join /dns4/global.example.com/tcp/4480/p2p/12D3KooWMJva...',
    'a router',
  ],
  ['docs/wasm.md', '$ dstore path apps/adder/v1/add.wasm --exec -- python add.py {}', 'pip'],
  [
    'docs/doors/browse-and-mount.md',
    '$ export RCLONE_WEBDAV_URL=http://127.0.0.1:4480/dav/ RCLONE_WEBDAV_VENDOR=other RCLONE_WEBDAV_USER=any',
    'as in test/doors/clients/rclone.ts',
  ],
  [
    'docs/doors/browse-and-mount.md',
    '# echo "http://127.0.0.1:4480/dav/ any $(cat mounts.token)" >> /etc/davfs2/secrets',
    'root',
  ],
  [
    'docs/doors/hugging-face-upstream.md',
    '$ dstore start --http 127.0.0.1:4480 --door hf --hf-upstream https://huggingface.co',
    'another host; test/doors/clients does it',
  ],
  [
    'docs/doors/hugging-face-upstream.md',
    '$ export HF_ENDPOINT=http://127.0.0.1:4480/hf HF_TOKEN=$(cat hf.token)',
    'another host',
  ],
  [
    'docs/doors/hugging-face-upstream.md',
    '$ DSTORE_HF_UPSTREAM_TOKEN=hf_... dstore start --hf-upstream https://huggingface.co',
    'another host',
  ],
  ['docs/doors/hugging-face.md', '$ hf download acme/tiny', 'as in test/doors/clients'],
  [
    'docs/doors/hugging-face.md',
    '$ dstore hf publish ~/.cache/huggingface/hub/models--acme--tiny/snapshots/4c71564c... acme/tiny',
    'as in test/doors/clients',
  ],
]

test('every block that is not run is known', (t) => {
  const found = PAGES.flatMap((page) =>
    blocksOf(page).flatMap((block) => (block.isRun ? [] : [[page, block.title]])),
  )
  t.deepEqual(
    found,
    NOT_RUN.map(([page, title]) => [page, title]),
  )
})

test('the pages use commands that exist', (t) => {
  t.true(PAGES.filter(isRun).length >= 8)
  const commands = PAGES.flatMap(blocksOf).flatMap(({ steps }) =>
    steps.flatMap(({ command }) => [
      ...command.matchAll(/(?<!-u |create role |create database )\bdstore ([a-z]+)/g),
    ]),
  )
  t.true(commands.length > 60)
  for (const [text, name] of commands) t.true(Object.hasOwn(COMMANDS, name!), text)
})

const command = process.env['DSTORE_COMMAND']
if (command === undefined) {
  test(`README.md: what it says to type prints what it shows`, (t) =>
    runPage(t, 'README.md', 'bundle'))
} else {
  test('README.md: with the installed command', (t) => runPage(t, 'README.md', { command }))
}

/** The outcome of a page with this block: does it fail? */
async function fails(t: Parameters<typeof runPage>[0], block: string): Promise<boolean> {
  const page = join(temporaryDirectory(t), 'page.md')
  writeFileSync(page, `Text.\n\n\`\`\`console\n${block}\n\`\`\`\n`)
  const attempt = await t.try((inner) => runPage(inner, page, 'bundle'))
  attempt.discard()
  return !attempt.passed
}

test('a page that shows another output, or hides a failure, would be found', async (t) => {
  t.false(await fails(t, '$ echo one; echo two >&2\none\ntwo'))
  t.true(await fails(t, '$ echo one; echo two >&2\none'))
  t.true(await fails(t, '$ echo one\none\ntwo'))
  t.true(await fails(t, '$ echo bafkr4ia\nbafkr4ib'))
  t.true(await fails(t, '$ false'))
  t.false(await fails(t, '$ false\n$ echo $?\n1'))
  t.true(await fails(t, '$ exit 0'))
  // The next command is not the input of this one.
  t.false(await fails(t, '$ cat'))
  // Each machine has its own variables and files.
  t.false(await fails(t, 'a$ X=1; touch f\nb$ ls f "$X" 2>&1 | wc -l\n2\na$ ls f; echo "$X"\nf\n1'))
})

test('only what differs between two runs is not compared', (t) => {
  const KEY = 'bafkr4idchjkgbwcbw3i4cpiib2cvadqaip6uxjfixkobvknu63qneerhnq'
  const fixed = [KEY, '13 bytes', 'exit code 9', 'seq 6, 13B freed', 'port 4480', 'version 0.1.0']
  for (const text of [...fixed, 'dstore ready local ~/dstore.sock']) t.is(normalise(text), text)
  t.is(normalise('/ip4/127.0.0.1/tcp/4711/p2p/12D3KooWMJva...'), 'ADDRESSES')
  t.is(normalise('until 2026-11-30T02:46:50.945Z'), 'until TIME')
  // Each pattern has a purpose: some page needs it.
  const pages = PAGES.map((page) => readFileSync(page, 'utf8')).join('\n')
  let text = pages
  for (const [pattern, word, what] of VOLATILE) {
    const next = text.replaceAll(pattern, word)
    t.true(next !== text, what)
    text = next
  }
})
