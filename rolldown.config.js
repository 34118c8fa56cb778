// The command line and the library as files that load fast; what they need only sometimes becomes chunks of their own. Packages
// are in them: to find and load their thousand files took two thirds of a daemon's start, and to install them most of its time.
import { chmod, writeFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { resolve } from 'node:path'
import { defineConfig } from 'rolldown'
import { esmExternalRequirePlugin } from 'rolldown/plugins'
import { licensePlugin } from 'rolldown-license-plugin'

/**
 * What brings a binary is a package of its own. `lmdb` is not external: its JavaScript is bundled, so that its install script
 * and what it depends on are not installed, and `src/store/disk/records/lmdb-addon.ts` finds its binary. The client of S3 is as large as everything else together: who
 * wants an archive installs it.
 */
const external = [
  /^node:/,
  'fs-native-extensions',
  '@aws-sdk/client-s3',
  '@nats-io/transport-node',
  'pg',
]

/** Modules that replace those of a package. */
const REPLACED = {
  'node-gyp-build-optional-packages': `
    import { loadLmdbAddon } from ${JSON.stringify(resolve('src/store/disk/records/lmdb-addon.ts'))}
    export default () => loadLmdbAddon(process)`,
  // The encoder of tables that have none. All of ours are binary, and this one looks for a binary of its own.
  msgpackr: `
    export class Encoder {
      constructor() {
        throw new TypeError('this build of lmdb has no msgpack: state an encoding')
      }
    }`,
}

const replaced = {
  name: 'replaced',
  resolveId: (id) => (Object.hasOwn(REPLACED, id) ? `\0${id}` : undefined),
  load: (id) => REPLACED[id.replace('\0', '')],
}

/** Modules of Node that packages `require` become imports: the bundle may end as part of another, which has no `require`. */
const imported = esmExternalRequirePlugin({ external: builtinModules })

/**
 * A program's bundler that writes CommonJS leaves `import.meta` empty, and has `__filename`. What brings a binary needs the
 * place of its module even there.
 */
const placed = {
  name: 'placed',
  renderChunk: (code) => code.replaceAll('import.meta.url', `(import.meta.url ?? ${FILE_URL})`),
}
const FILE_URL =
  'new URL("file://" + encodeURI(__filename).replace(/[?#]/g, encodeURIComponent)).href'

/** What a bundler does not do: the command is executable, and the types of the library, the page, the pages of man and the overview lie beside it. */
const finish = {
  name: 'finish',
  async writeBundle() {
    await chmod('dist/dstore.js', 0o755)
    const { writePublicTypes } = await import('./dist/tools/public-types.js')
    writePublicTypes()
    const { buildPage } = await import('./dist/tools/page.js')
    await buildPage()
    const { writeManPages } = await import('./dist/tools/man.js')
    writeManPages()
    const { overview } = await import('./dist/cli/help/help.js')
    const { COMMANDS } = await import('./dist/cli/commands.js')
    await writeFile('dist/chunks/overview.txt', `${overview(COMMANDS)}\n`)
  },
}

const executable = {
  name: 'executable',
  writeBundle: () => chmod('dist/dstore.cjs', 0o755),
}

const common = {
  platform: 'node',
  transform: { define: { 'typeof require': '"undefined"' } },
  // `package.json` says that the files of the package are left out where nothing of them is used. This one is imported for what it does.
  treeshake: { moduleSideEffects: [{ test: /\/src\/network\/polyfill\.ts$/, sideEffects: true }] },
  external,
  // A package below lmdb compiles a reader of text keys with `eval`. Its names are kept, and we have no such keys. And a module that a
  // command imports at once and another when it is wanted has a chunk of its own all the same, by the groups below.
  checks: { eval: false, ineffectiveDynamicImport: false },
  // A build says nothing: people who install from a clone would see its warnings.
  onLog: (level, log, report) => report(level === 'warn' ? 'error' : level, log),
}
const output = {
  dir: 'dist',
  format: 'esm',
  cleanDir: false,
  comments: { legal: true, annotation: true, jsdoc: false },
  chunkFileNames: 'chunks/[name]-[hash].js',
}

/** What the authors of packages ask of anyone who passes their work on. */
const licenses = licensePlugin({
  failOnUnlicensed: true,
  async done(packages, context) {
    const { licenseTexts } = await import('./dist/tools/licenses.js')
    const source = licenseTexts(packages)
    context.emitFile({ type: 'asset', fileName: 'chunks/LICENSES.txt', source })
  },
})

/** A group of modules by their paths, without `.ts`. */
const modules = (paths) => new RegExp(`(${paths.join('|')})\\.ts$`)

/**
 * What every start loads, and what larger parts share with it: two files of it, not twenty, for each costs at every start.
 * The rest (a node, the prompt, archives) becomes chunks that are loaded when they are wanted.
 */
const GROUPS = [
  {
    // What every command loads, with the client that gets one value.
    name: 'base',
    test: modules([
      '/src/(errors|limits|platform|bytes|deadline|node/version|node/calls/no-such|membership/role)',
      '/src/limits/[\\w-]+',
      '/src/daemon/api/[\\w-]+',
      '/src/daemon/client/(client-options|connection|raw-|response|value-(client|path))[\\w-]*',
      '/src/daemon/config/(?!http-token|inactive-store)[\\w-]+',
      '/src/daemon/process/(readiness|log)',
    ]),
  },
  {
    // What calls a daemon in every way: `node:http` loads with it, and a `get` does without.
    name: 'client',
    test: modules([
      '/src/daemon/client/(client|http-client|slots|value-body|put-file|small-values)',
      '/src/(node/calls/batches|tree/work-limit|membership/loopback)',
    ]),
  },
  {
    // What names a value: the library and a node do, and the command line seldom.
    name: 'key',
    test: modules([
      '/src/hash/(key|foreign-cid|foreign-hasher)',
      '/src/index/name',
      '/src/node/calls/resolve-key',
    ]),
  },
  { name: 'native-package', test: modules(['/src/store/native-package']) },
  { name: 'disk', test: modules(['/src/store/disk/records/[\\w/-]+']) },
  {
    // What every command loads, and `get`, which is to be as fast as the machine.
    name: 'command-line',
    test: modules([
      '/cli/(?!dstore|main)[\\w-]+',
      '/cli/help/wrap',
      '/cli/terminal/(?!output-folder|next-steps|status-text|show-log)[\\w-]+',
      '/cli/input/(references|key-fault)',
      '/cli/delivery/[\\w-]+',
    ]),
  },
  {
    // The commands that are called often, and load at once: one file, not ten.
    name: 'commands',
    test: modules([
      '/cli/commands/(put|cid|background|join|members|names|rm|values|watch)',
      '/cli/input/(?!hashing|references|key-fault)[\\w-]+',
      '/cli/many/[\\w-]+',
      '/cli/archive/map-concurrently',
      '/cli/terminal/(next-steps|status-text|output-folder)',
    ]),
  },
  // A program's bundler leaves out whole files, so each way to a node is one: `connect` without a node and its network.
  { name: 'connect', test: modules(['/src/library/(connect|node-facade)']) },
  { name: 'polyfill', test: modules(['/src/network/polyfill']) },
  { name: 'create-node', test: modules(['/src/library/create-node']) },
]

/**
 * Node opens /dev/null for closed standard streams before it runs any JavaScript, so a shell looks at them first (R007-98)
 * and becomes Node. To JavaScript its line is a string and a comment.
 */
const BANNER = `#!/bin/sh
':' //; c=; command : 2>/dev/null 3<&0 || c=0; command : 2>/dev/null 3<&1 || c=$\{c}1; DSTORE_CLOSED="$$:$c" exec node "$0" "$@"`

export default defineConfig([
  {
    ...common,
    input: { dstore: 'cli/dstore.ts', library: 'src/dstore.ts' },
    plugins: [replaced, imported, placed, licenses, finish],
    output: {
      ...output,
      entryFileNames: '[name].js',
      postBanner: ({ isEntry, name }) => (isEntry && name === 'dstore' ? BANNER : ''),
      codeSplitting: { groups: GROUPS },
    },
  },
  {
    // What is installed as the command. In CommonJS, for Node begins with that at once.
    ...common,
    input: { dstore: 'cli/first.ts' },
    plugins: [executable],
    output: {
      ...output,
      format: 'cjs',
      entryFileNames: '[name].cjs',
      chunkFileNames: 'chunks/[name]-[hash].cjs',
      postBanner: ({ isEntry }) => (isEntry ? BANNER : ''),
    },
  },
  {
    // Threads are started from a file that lies beside the chunk that starts them.
    ...common,
    input: {
      'copy-worker': 'src/store/copy/copy-worker.ts',
      'file-hash-worker': 'src/store/file/file-hash-worker.ts',
      'verify-worker': 'src/node/swarm/verify-worker.ts',
    },
    output: { ...output, entryFileNames: 'chunks/[name].js' },
  },
])
