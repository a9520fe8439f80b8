// Server-sent events, parsed from the pieces in which they arrive.

export interface Message {
  id: string
  event: string
  data: string
}

/** Returns a function that takes a piece of the stream and returns the messages that it completes. */
export function sseParser(): (piece: string) => Message[] {
  let rest = ''
  return (piece) => {
    const blocks = (rest + piece).replaceAll('\r\n', '\n').split('\n\n')
    rest = blocks.pop() ?? ''
    return blocks.map(parse).filter((m) => m !== null)
  }
}

function parse(block: string): Message | null {
  const m: Message = {id: '', event: 'message', data: ''}
  let some = false
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue // a comment, or nothing
    const value = line.slice(colon + 1).replace(/^ /, '')
    const field = line.slice(0, colon)
    if (field === 'id') m.id = value
    else if (field === 'event') m.event = value
    else if (field === 'data') m.data += (m.data ? '\n' : '') + value
    else continue
    some = true
  }
  return some ? m : null
}
