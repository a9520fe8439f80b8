import {type ReactNode, useState} from 'react'

import {useAccountPage} from '../api/account'
import type {Send} from '../api/mutate'
import {useDraft} from '../lib/draft'
import {Conflict} from './Conflict'
import {Dialog} from './Dialog'
import {ReviewFoot} from './ReviewFoot'
import {useReview} from './useReview'

interface Props<F> {
  title: string
  initial: F
  /** Pointers whose faults the fields show. */
  shown: string[]
  fields: (form: F, set: (change: Partial<F>) => void, error: unknown) => ReactNode
  send: (form: F) => Send
  /** What is changed, as it was read, and how it is read again; nothing for what is made. */
  base?: Base
  onClose: () => void
  onDone?: (form: F) => void
}

export interface Base {
  data: object
  etag: string | null
  read: () => Promise<{data: unknown; etag: string | null}>
}

/** Something of which the form is all, new or to be changed: reviewed first, as every change. */
export function FormDialog<F extends object>({title, initial, shown, fields, send, base, onClose, onDone}: Props<F>) {
  const {account, nameOf} = useAccountPage()
  const [begun] = useState(initial)
  const [on, setOn] = useState(base)
  // A draft is of the state that it was begun on: on another one it would undo what others changed.
  const [key] = useState(`${account} ${title} ${base?.etag ?? ''}`)
  const draft = useDraft(key, begun)
  const etag = on?.etag ?? null
  const review = useReview({
    subject: JSON.stringify([draft.value, etag]), send: send(draft.value), etag,
    onDone: () => {
      const made = draft.value
      draft.clear()
      onClose()
      onDone?.(made)
    },
  })
  return (
    <Dialog title={title} onClose={onClose} side>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          void review.review()
        }}
      >
        {fields(draft.value, (change) => draft.set({...draft.value, ...change}), review.error)}
        <ReviewFoot
          review={review} onCancel={onClose} shown={shown}
          conflict={
            on && (
              <Conflict
                load={async () => (await on.read()).data} before={on.data} nameOf={nameOf}
                onTakeOver={() => {
                  review.forget()
                  void on.read().then((r) => setOn({...on, data: r.data as object, etag: r.etag}))
                }}
              />
            )
          }
        />
      </form>
    </Dialog>
  )
}

/** "a, b c" as a list; what is written with commas or spaces between. */
export const listOf = (text: string) => text.split(/[\s,]+/).filter(Boolean)
