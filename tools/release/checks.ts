/** What must hold before a tag becomes a release. */

/** The texts of the files that name the version. */
export interface VersionedFiles {
  readonly manifest: string
  readonly lock: string
  readonly changelog: string
  /** `src/node/version.ts`. */
  readonly source: string
}

/** Reasons against releasing a tag such as `v1.2.3`; none if all files agree with it. */
export function tagProblems(tag: string, files: VersionedFiles): string[] {
  const problems: string[] = []
  const version = /^v(\d+\.\d+\.\d+(?:-[\w.]+)?)$/.exec(tag)?.[1]
  if (version === undefined) return [`${tag} is not a tag of a version, such as v1.2.3`]
  const expect = (found: string | undefined, place: string): void => {
    if (found !== version) problems.push(`${place} has the version ${found}, the tag ${version}`)
  }
  const lock = JSON.parse(files.lock) as { version?: string; packages: Packages }
  expect((JSON.parse(files.manifest) as { version?: string }).version, 'package.json')
  expect(lock.version, 'package-lock.json')
  expect(lock.packages['']?.version, 'package-lock.json, its first package,')
  expect(/VERSION = '([^']+)'/.exec(files.source)?.[1], 'src/node/version.ts')
  if (changesOf(version, files.changelog) === undefined) {
    problems.push(`CHANGELOG.md has no section "## [${version}] - YYYY-MM-DD" with changes`)
  }
  return problems
}

type Packages = Readonly<Record<string, { readonly version?: string } | undefined>>

/** The changelog's section of a version, without its heading; undefined if there is none. */
export function changesOf(version: string, changelog: string): string | undefined {
  const sections = changelog.split(/^## /m).slice(1)
  const heading = new RegExp(`^\\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d{2}-\\d{2} *\n`)
  const section = sections.find((one) => heading.test(one))
  // References of links follow the last section.
  const text = section
    ?.replace(heading, '')
    .replaceAll(/^\[[^\]]+\]: .*$/gm, '')
    .trim()
  return text === '' ? undefined : text
}

/** The install script of a release that lies at a URL. */
export function installScript(template: string, url: string): string {
  if (url !== '' && !/^https:\/\/[\w.:/~-]+$/.test(url)) throw new RangeError(`not a URL: ${url}`)
  const line = "RELEASE_URL=''\n"
  if (!template.includes(`\n${line}`)) throw new Error('install.sh has no place for the URL')
  return template.replace(line, () => `RELEASE_URL='${url}'\n`)
}
