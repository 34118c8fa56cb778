/**
 * Unmodified clients of others against real daemons: `npm run test:doors`, or with names for some
 * of them only. A client that is not installed is skipped with one line; `install.sh` beside this
 * file installs them.
 */
import { Report } from './report.ts'

/** The tests of each client. */
const CLIENTS: Readonly<Record<string, () => Promise<(report: Report) => Promise<void>>>> = {
  go: async () => (await import('./go.ts')).testGo,
  nx: async () => (await import('./nx.ts')).testNx,
  turbo: async () => (await import('./turbo.ts')).testTurbo,
  huggingface: async () => (await import('./huggingface.ts')).testHuggingFace,
  ccache: async () => (await import('./ccache.ts')).testCcache,
  sccache: async () => (await import('./sccache.ts')).testSccache,
  bazel: async () => (await import('./bazel.ts')).testBazel,
  nix: async () => (await import('./nix.ts')).testNix,
  gradle: async () => (await import('./gradle.ts')).testGradle,
  'hf-upstream': async () => (await import('./hf-upstream.ts')).testHfUpstream,
  blockstore: async () => (await import('./blockstore.ts')).testBlockstore,
  conformance: async () => (await import('./conformance.ts')).testConformance,
  helia: async () => (await import('./helia.ts')).testHelia,
  rclone: async () => (await import('./rclone.ts')).testRclone,
  davfs2: async () => (await import('./davfs2.ts')).testDavfs2,
  curl: async () => (await import('./web-clients.ts')).testCurl,
  cadaver: async () => (await import('./web-clients.ts')).testCadaver,
}

const wanted = process.argv.slice(2)
const report = new Report()
for (const [name, load] of Object.entries(CLIENTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  await (
    await load()
  )(report)
}
if (report.failed > 0) {
  process.stdout.write(`\n${report.failed} tests failed\n`)
  process.exitCode = 1
}
