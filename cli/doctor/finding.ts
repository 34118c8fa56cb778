/** What `doctor` finds (specs/007, "Doctor"). */

/** `note`: worth knowing; `warning`: works, but not as it should; `problem`: does not work. */
export type Severity = 'ok' | 'note' | 'warning' | 'problem'

/** The subjects of the checks, in the order in which they are printed. */
export const SUBJECTS = [
  'directory',
  'settings',
  'daemon',
  'global',
  'lane',
  'clock',
  'archive',
  'set',
  'disk',
  'memory',
  'descriptors',
  'versions',
  'listen',
  'values',
] as const

export type Subject = (typeof SUBJECTS)[number]

export interface Finding {
  /** Stable: scripts may depend on it. The subject, for one that is `ok`. */
  readonly id: string
  readonly severity: Severity
  readonly subject: Subject
  /** One line, with the figures. */
  readonly found: string
  /** One line that names the command to run; undefined for one that is `ok`. */
  readonly remedy?: string
}

/** A finding whose remedy is known. */
type Worse = (id: string, found: string, remedy: string) => Finding

/** The findings of one subject. */
export interface Report {
  readonly ok: (found: string) => Finding
  readonly note: Worse
  readonly warning: Worse
  readonly problem: Worse
  /** The check cannot be made, because. */
  readonly unknown: (why: string, remedy?: string) => Finding
}

export function reportOn(subject: Subject): Report {
  const worse =
    (severity: Severity): Worse =>
    (id, found, remedy) => ({ id, severity, subject, found, remedy })
  return {
    ok: (found) => ({ id: subject, severity: 'ok', subject, found }),
    note: worse('note'),
    warning: worse('warning'),
    problem: worse('problem'),
    unknown: (why, remedy = 'run `dstore doctor` again once that is mended') => ({
      id: `${subject}-not-checked`,
      severity: 'note',
      subject,
      found: `not checked, because ${why}`,
      remedy,
    }),
  }
}

const BY_SEVERITY: readonly Severity[] = ['problem', 'warning', 'note', 'ok']

/** Problems first, and then by subject. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  const rank = ({ severity, subject }: Finding): number =>
    BY_SEVERITY.indexOf(severity) * SUBJECTS.length + SUBJECTS.indexOf(subject)
  return findings.toSorted((a, b) => rank(a) - rank(b))
}

export const count = (findings: readonly Finding[], severity: Severity): number =>
  findings.filter((finding) => finding.severity === severity).length
