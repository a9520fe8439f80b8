import type {Problem} from './types'

/** An answer that refuses: the API's problem document, or what stands for one. */
export class ProblemError extends Error {
  constructor(
    readonly problem: Pick<Problem, 'title' | 'status' | 'code' | 'detail'> & Partial<Problem>,
    /** Seconds after which to try again, if the API said so. */
    readonly retryAfter: number | null = null,
  ) {
    super(problem.detail || problem.title)
  }

  get status() {
    return this.problem.status
  }

  get code() {
    return this.problem.code
  }
}

/** The request did not reach the API, or its answer did not come back. */
export class LostError extends Error {}

export function isStatus(error: unknown, status: number) {
  return error instanceof ProblemError && error.status === status
}

/** What is wrong at a field, by the JSON pointer that the API names: /port_min. */
export function faultAt(error: unknown, ...pointers: string[]): string | undefined {
  if (!(error instanceof ProblemError)) return undefined
  const hit = error.problem.errors?.filter((e) => pointers.includes(e.pointer)) ?? []
  return hit.length ? hit.map((e) => e.detail).join('; ') : undefined
}

/** The faults that no field of the form shows. */
export function faultsElsewhere(error: unknown, shown: string[]) {
  if (!(error instanceof ProblemError)) return []
  return error.problem.errors?.filter((e) => !shown.includes(e.pointer)) ?? []
}
