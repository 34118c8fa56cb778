/** Hugging Face's own client, `huggingface_hub` for Python, against the door `hf`. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from './report.ts'
import { has, run, withSite, type Machine, type Site } from './site.ts'

const { PYTHON = 'python3' } = process.env

/** One machine that runs Python: its own cache, an endpoint, and a token. */
interface Runner {
  /** Runs a program that sees `api`; what it gives to `say`. */
  readonly python: <T = unknown>(program: string) => T
  /** `hf ...` */
  readonly hf: (...words: string[]) => string
  /** The cache of the client. */
  readonly hub: string
}

const PRELUDE = `
import json, sys
import huggingface_hub as hub
from huggingface_hub import HfApi, HfFileSystem, hf_hub_download, snapshot_download
api = HfApi()
def say(value): print("said " + json.dumps(value))
def caught(call):
    try: call()
    except Exception as error: return [type(error).__name__, f"{error}; {error.__cause__}"]
    return ["nothing", ""]
`

function runnerAt(site: Site, machine: Machine, home: string, token?: string): Runner {
  const folder = site.newFolder(home)
  const env = {
    HF_ENDPOINT: `${machine.url}/hf`,
    HF_TOKEN: token ?? machine.reader,
    HF_HOME: folder,
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    HF_HUB_DISABLE_UPDATE_CHECK: '1',
  }
  return {
    hub: join(folder, 'hub'),
    hf: (...words) => run(PYTHON, ['-m', 'huggingface_hub.cli.hf', ...words], { env }),
    python: <T>(program: string) => {
      const printed = run(PYTHON, ['-c', `${PRELUDE}\n${program}`], { env })
      return JSON.parse(/^said (.*)$/m.exec(printed)?.[1] ?? 'null') as T
    },
  }
}

/** A folder as a model has it: two equal files, and what no repository keeps. */
function modelIn(site: Site, name: string, bytes: number): string {
  const folder = site.newFolder(name)
  mkdirSync(join(folder, 'onnx'))
  mkdirSync(join(folder, '.git'))
  const weights = randomBytes(bytes)
  writeFileSync(join(folder, 'model.bin'), weights)
  writeFileSync(join(folder, 'onnx/model.bin'), weights)
  writeFileSync(join(folder, 'config.json'), '{"hidden_size": 64}')
  writeFileSync(join(folder, 'README.md'), '---\nlicense: mit\n---\n# Tiny\n')
  writeFileSync(join(folder, '.git/HEAD'), 'ref: refs/heads/main')
  return folder
}

const same = (a: string, b: string): string => run('diff', ['-r', '--exclude=.git', a, b])

const download = (id: string, more = ''): string => `say(snapshot_download("${id}"${more}))`

/** Files of a model that one machine publishes, on another. */
async function testDownloads(report: Report, site: Site): Promise<void> {
  const { a, b } = site
  const model = modelIn(site, 'model', 3_000_000)
  const key = site.dstore(a, 'hf', 'publish', model, 'acme/tiny')
  const first = runnerAt(site, a, 'first')
  const second = runnerAt(site, b, 'second')

  await report.test('R010-51 huggingface_hub: snapshot_download on two machines', async () => {
    for (const { python, hub } of [first, second]) {
      same(model, python<string>(download('acme/tiny')))
      // Equal files once, each named by its key.
      const blobs = readdirSync(join(hub, 'models--acme--tiny/blobs'))
      assert.equal(blobs.length, 3)
      for (const blob of blobs) assert.match(blob, /^bafkr4i/)
    }
  })

  await report.test('R010-51 huggingface_hub: hf download, and single files', async () => {
    const target = join(site.folder, 'target')
    runnerAt(site, b, 'third').hf('download', 'acme/tiny', '--local-dir', target)
    run('rm', ['-r', join(target, '.cache')])
    same(model, target)
    const { hf, python } = runnerAt(site, b, 'fourth')
    assert.match(hf('download', 'acme/tiny', 'onnx/model.bin'), /onnx\/model\.bin/)
    const file = python<string>('say(hf_hub_download("acme/tiny", "config.json"))')
    assert.equal(readFileSync(file, 'utf8'), '{"hidden_size": 64}')
  })

  await report.test('R010-60 huggingface_hub: its cache is published as it is', async () => {
    const snapshots = join(first.hub, 'models--acme--tiny/snapshots')
    const [snapshot = ''] = readdirSync(snapshots)
    const again = site.dstore(a, 'hf', 'publish', join(snapshots, snapshot), 'acme/again@v2')
    assert.equal(again, key)
  })

  await report.test('R010-55 huggingface_hub: a tag that moves during a download', async () => {
    const moving = site.newFolder('moving')
    writeFileSync(join(moving, 'f'), 'one')
    site.dstore(a, 'hf', 'publish', moving, 'acme/moving')
    writeFileSync(join(moving, 'f'), 'two')
    const { python } = runnerAt(site, b, 'moving-home')
    const move = [process.execPath, 'dist/dstore.js', 'hf', 'publish', moving, 'acme/moving']
    const words = JSON.stringify([...move, '--dir', a.dir])
    const file = python<string>(`
import subprocess
from huggingface_hub import file_download
fetch = file_download.http_get
def http_get(*args, **kwargs):
    subprocess.run(${words}, check=True, capture_output=True)
    return fetch(*args, **kwargs)
file_download.http_get = http_get
say(hf_hub_download("acme/moving", "f"))`)
    // The bytes that its name in the cache stands for.
    assert.equal(readFileSync(file, 'utf8'), 'one')
  })

  await report.test('R010-50 huggingface_hub: datasets and spaces', async () => {
    const folder = site.newFolder('data')
    writeFileSync(join(folder, 'train.jsonl'), '{"a": 1}\n')
    for (const type of ['dataset', 'space']) {
      site.dstore(a, 'hf', 'publish', folder, `acme/${type}@v1`, '--type', type)
      const path = second.python<string>(
        download(`acme/${type}`, `, repo_type="${type}", revision="v1"`),
      )
      same(folder, path)
    }
  })
}

/** What the client asks beside files, and the exceptions that it makes of refusals. */
async function testCalls(report: Report, site: Site): Promise<void> {
  const { a, b } = site
  const runner = runnerAt(site, b, 'calls')
  const { python } = runner

  await report.test('R010-58 R010-59 huggingface_hub: lists and facts', async () => {
    const files = ['README.md', 'config.json', 'model.bin', 'onnx/model.bin']
    assert.deepEqual(python('say(api.list_repo_files("acme/tiny"))'), files)
    const facts = python<Record<string, unknown>>(`
info = api.model_info("acme/tiny", files_metadata=True)
paths = api.get_paths_info("acme/tiny", ["config.json", "onnx", "none"], expand=True)
refs = api.list_repo_refs("acme/tiny")
say({
  "sizes": {one.rfilename: one.size for one in info.siblings},
  "paths": [one.path for one in paths],
  "tree": [one.path for one in api.list_repo_tree("acme/tiny", "onnx")],
  "exists": [api.repo_exists("acme/tiny"), api.revision_exists("acme/tiny", "main"),
    api.file_exists("acme/tiny", "config.json")],
  "none": [api.repo_exists("acme/none"), api.revision_exists("acme/tiny", "none"),
    api.file_exists("acme/tiny", "none")],
  "branch": [refs.branches[0].name, refs.branches[0].target_commit == info.sha],
  "who": api.whoami()["name"],
})`)
    assert.deepEqual(facts, {
      sizes: {
        'README.md': 28,
        'config.json': 19,
        'model.bin': 3_000_000,
        'onnx/model.bin': 3_000_000,
      },
      paths: ['config.json', 'onnx'],
      tree: ['onnx/model.bin'],
      exists: [true, true, true],
      none: [false, false, false],
      branch: ['main', true],
      who: 'dstore',
    })
  })

  await report.test('R010-58 huggingface_hub: a tree of 2,500 files in pages', async () => {
    const wide = site.newFolder('wide')
    for (let i = 0; i < 2500; i++) {
      mkdirSync(join(wide, `d${i % 50}`), { recursive: true })
      writeFileSync(join(wide, `d${i % 50}/f${i}`), `${i}`)
    }
    site.dstore(a, 'hf', 'publish', wide, 'acme/wide')
    assert.deepEqual(
      python(`
files = api.list_repo_files("acme/wide")
fs = HfFileSystem()
say([len(files), len(set(files)), len(fs.find("acme/wide")), len(fs.glob("acme/wide/d1*/f*1"))])`),
      [2500, 2500, 2500, 100],
    )
  })

  await report.test('R010-55 huggingface_hub: HfFileSystem reads ranges', async () => {
    const model = join(site.folder, 'model/model.bin')
    assert.deepEqual(
      python(`
fs = HfFileSystem()
want = open(${JSON.stringify(model)}, "rb").read()
with fs.open("acme/tiny/model.bin", "rb") as file:
    file.seek(1_000_000)
    part = file.read(1000) == want[1_000_000:1_001_000]
with fs.open("acme/tiny@main/model.bin", "rb", block_size=0) as file:
    whole = file.read() == want
say([part, whole, fs.cat_file("acme/tiny/model.bin", start=-5) == want[-5:],
  sorted(one.split("/")[-1] for one in fs.ls("acme/tiny", detail=False)),
  fs.info("acme/tiny/onnx")["type"], fs.info("acme/tiny/model.bin")["size"],
  fs.exists("acme/tiny/none"), fs.modified("acme/tiny/model.bin").year >= 2025])`),
      [
        true,
        true,
        true,
        ['README.md', 'config.json', 'model.bin', 'onnx'],
        'directory',
        3_000_000,
        false,
        true,
      ],
    )
  })

  await report.test("R010-56 huggingface_hub: misses are the client's own exceptions", async () => {
    assert.deepEqual(
      python(`
say([caught(call)[0] for call in [
  lambda: hf_hub_download("acme/tiny", "none"),
  lambda: hf_hub_download("acme/none", "config.json"),
  lambda: hf_hub_download("acme/tiny", "config.json", revision="none"),
  lambda: snapshot_download("acme/none"),
  lambda: snapshot_download("acme/tiny", revision="none"),
  lambda: snapshot_download("acme/tiny", repo_type="dataset"),
  lambda: list(api.list_repo_tree("acme/tiny", "none")),
  lambda: HfFileSystem().open("acme/tiny/none").read(),
]])`),
      [
        'RemoteEntryNotFoundError',
        'RepositoryNotFoundError',
        'RevisionNotFoundError',
        'RepositoryNotFoundError',
        'RevisionNotFoundError',
        'RepositoryNotFoundError',
        'RemoteEntryNotFoundError',
        'FileNotFoundError',
      ],
    )
    const absent = readdirSync(join(runner.hub, 'models--acme--tiny/.no_exist'), {
      recursive: true,
    })
    assert.ok(absent.some((one) => String(one).endsWith('/none')))
  })

  await report.test('R010-56 huggingface_hub: tokens', async () => {
    const ask = 'say(caught(lambda: hf_hub_download("acme/tiny", "config.json")))'
    const wrong = runnerAt(site, b, 'wrong', 'nonsense').python<string[]>(ask)
    assert.equal(wrong[0], 'HfHubHTTPError')
    assert.match(wrong[1]!, /401[^]*Invalid credentials in Authorization header/)
    const flags = ['--role', 'reader', '--prefix', 'hf/other/', '--label', 'other']
    const other = site.dstore(b, 'token', 'add', ...flags)
    const confined = runnerAt(site, b, 'confined', other).python<string[]>(ask)
    assert.match(confined[1]!, /403 Forbidden: [^]*hf\/acme\/tiny@main is not for a token/)
    const nobody = runnerAt(site, b, 'nobody', '').python<string[]>(ask)
    assert.match(nobody[1]!, /401[^]*this needs a token/)
  })

  await report.test('R010-56 huggingface_hub: uploads are refused, also for a writer', async () => {
    const { python: write } = runnerAt(site, b, 'writer', b.writer)
    for (const call of [
      'api.create_repo("acme/new")',
      'api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="acme/tiny")',
    ]) {
      const [type, text] = write<string[]>(`say(caught(lambda: ${call}))`)
      assert.equal(type, 'HfHubHTTPError')
      assert.match(text!, /dstore takes no uploads over this API; publish a folder with/)
    }
  })
}

/** A class of the client with `from_pretrained`, and weights as numpy has them. */
async function testLoader(report: Report, site: Site): Promise<void> {
  const packages = ['-c', 'import safetensors.numpy']
  if (spawnSync(PYTHON, packages, { stdio: 'ignore' }).status !== 0) {
    report.skipped('safetensors', 'pip install safetensors numpy')
    return
  }
  await report.test('R010-51 huggingface_hub: from_pretrained with safetensors', async () => {
    const folder = site.newFolder('tensors')
    const { python } = runnerAt(site, site.b, 'tensors-home')
    python(`
import numpy, safetensors.numpy
w = numpy.arange(12, dtype=numpy.float32).reshape(3, 4)
safetensors.numpy.save_file({"w": w}, ${JSON.stringify(join(folder, 'model.safetensors'))})
json.dump({"width": 4}, open(${JSON.stringify(join(folder, 'config.json'))}, "w"))`)
    site.dstore(site.a, 'hf', 'publish', folder, 'acme/tensors')
    assert.deepEqual(
      python(`
import safetensors.numpy
class Tiny(hub.ModelHubMixin):
    def __init__(self, width): self.width = width
    @classmethod
    def _from_pretrained(cls, *, model_id, revision, cache_dir, force_download, local_files_only,
            token, width, **rest):
        self = cls(width)
        path = hf_hub_download(model_id, "model.safetensors", revision=revision)
        self.w = safetensors.numpy.load_file(path)["w"]
        return self
tiny = Tiny.from_pretrained("acme/tensors")
say([tiny.width, tiny.w.sum().item()])`),
      [4, 66],
    )
  })
}

/** Without Global, a Local serves what it holds; the client tells the rest from a miss. */
async function testAway(report: Report, site: Site): Promise<void> {
  const { a, b } = site
  const big = modelIn(site, 'big', 75_000_000)
  site.dstore(a, 'hf', 'publish', big, 'acme/big')
  await report.test('R010-51 huggingface_hub: 150 MB by a second machine', async () => {
    same(big, runnerAt(site, b, 'big-home').python<string>(download('acme/big')))
  })
  site.dstore(a, 'hf', 'publish', site.newFolder('empty'), 'acme/unread')
  site.stopGlobal()
  await report.test('R010-54 huggingface_hub: with Global away, what is held', async () => {
    const { python } = runnerAt(site, b, 'away')
    for (const id of ['big', 'tiny']) {
      const folder = id === 'big' ? big : join(site.folder, 'model')
      same(folder, python<string>(download(`acme/${id}`)))
    }
    const misses = python<string[][]>(`
say([caught(lambda: hf_hub_download("acme/tiny", "none")),
  caught(lambda: snapshot_download("acme/unread")),
  caught(lambda: hf_hub_download("acme/unread", "config.json"))])`)
    assert.equal(misses[0]![0], 'RemoteEntryNotFoundError')
    for (const [type, text] of misses.slice(1)) {
      assert.equal(type, 'LocalEntryNotFoundError')
      assert.match(text!, /503[^]*Global/)
    }
  })
  site.startGlobal()
}

export async function testHuggingFace(report: Report): Promise<void> {
  if (!has(PYTHON, '-c', 'import huggingface_hub')) {
    report.skipped('huggingface_hub', 'pip install huggingface_hub, and PYTHON for that Python')
    return
  }
  await withSite('hf', async (site) => {
    await testDownloads(report, site)
    await testCalls(report, site)
    await testLoader(report, site)
    await testAway(report, site)
  })
}
