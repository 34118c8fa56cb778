/** A C project that is the same in every run: sources that include headers with inline code. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Bench } from '../../bench.ts'
import { shell } from '../../processes.ts'

export const SOURCES = 60
const HEADERS = 40
const FUNCTIONS_OF_A_HEADER = 60
const HEADERS_OF_A_SOURCE = 12
const FUNCTIONS_OF_A_SOURCE = 1

const count = <T>(length: number, make: (i: number) => T): T[] =>
  Array.from({ length }, (_, i) => make(i))

const inline = (name: string, i: number): string => `
static inline double ${name}(struct point *p, unsigned n) {
  double sum = ${i}.5;
  for (unsigned k = 0; k < n; k++) {
    sum += p[k].x * ${(i % 7) + 1} - p[k].y / (k + ${(i % 5) + 1});
    if (sum > ${1000 + i}) sum = sqrt(sum) + p[k].tag[k % ${(i % 13) + 2}];
  }
  return sum;
}
`

const SYSTEM = ['math', 'stdio', 'stdlib', 'string', 'pthread', 'sys/socket']
  .map((name) => `#include <${name}.h>\n`)
  .join('')

const header = (h: number): string =>
  `#pragma once\n${SYSTEM}#include "point.h"\n${count(FUNCTIONS_OF_A_HEADER, (i) =>
    inline(`part${h}_${i}`, h * FUNCTIONS_OF_A_HEADER + i),
  ).join('')}`

function source(f: number): string {
  const used = count(HEADERS_OF_A_SOURCE, (i) => (f * 7 + i * 3) % HEADERS)
  const calls = (i: number): string =>
    used.map((h, j) => `part${h}_${(f + i + j * 5) % FUNCTIONS_OF_A_HEADER}(p, n)`).join(' + ')
  const functions = count(
    FUNCTIONS_OF_A_SOURCE,
    (i) => `double unit${f}_${i}(struct point *p, unsigned n) {\n  return ${calls(i)};\n}\n`,
  )
  return [...used.map((h) => `#include "part${h}.h"\n`), ...functions].join('')
}

const POINT = '#pragma once\nstruct point { double x, y; unsigned char tag[16]; };\n'

/** Compiles all sources into the folder `$2`, as many at a time as there are cores. */
const BUILD = `cd "$1"; rm -rf "$2"; mkdir "$2"
ls unit*.c | xargs -P ${cpus().length} -I @ $CCACHE cc -O2 -c @ -o "$2/@.o"`

export interface Project {
  /** Compiles all, each by this command. Returns a digest of the objects. */
  build(env: NodeJS.ProcessEnv): Promise<void>
  /** A digest of the objects of the last build. */
  digest(): Promise<string>
}

export function cProject(bench: Bench): Promise<Project> {
  return bench.shared('C project', async () => {
    const [folder, objects] = [bench.path('c-project'), bench.path('c-objects')]
    mkdirSync(folder)
    const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
    write('point.h', POINT)
    for (let h = 0; h < HEADERS; h++) write(`part${h}.h`, header(h))
    for (let f = 0; f < SOURCES; f++) write(`unit${f}.c`, source(f))
    // A header that is as new as the compilation is not looked up by its own digest.
    await shell('touch -d 2020-01-01 "$1"/*', [folder])
    return {
      build: async (env) => void (await shell(BUILD, [folder, objects], env)),
      digest: () => shell('cd "$1"; sha256sum -- * | sha256sum', [objects]),
    }
  })
}
