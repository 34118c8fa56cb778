/** A small project in C for the clients that compile. */
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Site } from './site.ts'

/** Makes a project of this number of sources, `f0.c` and so on, with a header of all. */
export function newProject(site: Site, sources: number): string {
  const folder = site.newFolder('project')
  setHeader(folder, '1')
  for (let i = 0; i < sources; i++) addSource(folder, i)
  return folder
}

/** Changes the header. */
export const setHeader = (folder: string, version: string): void =>
  writeFileSync(join(folder, 'common.h'), `static const char *version = "${version}";\n`)

export function addSource(folder: string, i: number): void {
  const text = `#include "common.h"\nconst char *f${i}(void) { return version + ${i} % 2; }\n`
  writeFileSync(join(folder, `f${i}.c`), text)
}

/** A copy of a folder. */
export function copyOf(site: Site, folder: string, name: string): string {
  const copy = site.newFolder(name)
  cpSync(folder, copy, { recursive: true })
  return copy
}
