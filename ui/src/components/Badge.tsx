import type {ReactNode} from 'react'

export type Tone = 'allow' | 'deny' | 'warn' | 'neutral' | 'accent'

export function Badge({tone = 'neutral', children, title}: {tone?: Tone; children: ReactNode; title?: string}) {
  return (
    <span className={`badge ${tone}`} title={title}>
      {children}
    </span>
  )
}

export const verdictTone = (v: string | null | undefined): Tone => (v === 'allow' ? 'allow' : v === 'deny' ? 'deny' : 'warn')

/** A dot with a word: never colour alone. */
export function State({tone, children}: {tone: Tone; children: ReactNode}) {
  return (
    <span className={`state ${tone}`}>
      <span className="dot" aria-hidden="true" />
      {children}
    </span>
  )
}
