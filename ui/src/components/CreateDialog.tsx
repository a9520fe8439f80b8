import type {ReactNode} from 'react'

import {useAccountPage} from '../api/account'
import type {Send} from '../api/mutate'
import {useDraft} from '../lib/draft'
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
  onClose: () => void
  onDone?: (form: F) => void
}

/** Something new of which the form is all: reviewed first, as every change. */
export function CreateDialog<F extends object>({title, initial, shown, fields, send, onClose, onDone}: Props<F>) {
  const {account} = useAccountPage()
  const draft = useDraft(`${account} ${title}`, initial)
  const review = useReview({
    subject: JSON.stringify(draft.value), send: send(draft.value), etag: null,
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
        <ReviewFoot review={review} onCancel={onClose} shown={shown} />
      </form>
    </Dialog>
  )
}

/** "a, b c" as a list; what is written with commas or spaces between. */
export const listOf = (text: string) => text.split(/[\s,]+/).filter(Boolean)
