// Line icons, 16 by 16, in the colour of the text.
const paths = {
  overview: 'M2.5 9.5 8 3l5.5 6.5M4 8v5h8V8',
  groups: 'M2.5 3.5h4.5v4.5H2.5zM9 3.5h4.5v4.5H9zM5.7 10h4.6v3.5H5.7z',
  nics: 'M2.5 4h11v6h-11zM5 10v2.5M8 10v2.5M11 10v2.5M5.5 7h.01M8 7h2.5',
  instances: 'M2.5 3h11v7.5h-11zM6 13h4M8 10.5V13M5 5.5h6',
  connectivity: 'M4 5.5a1.8 1.8 0 1 0 0-.01M12 5.5a1.8 1.8 0 1 0 0-.01M8 12.5a1.8 1.8 0 1 0 0-.01M5.8 5h4.4M4.8 6.6l2.3 4.3M11.2 6.6l-2.3 4.3',
  trace: 'M3 12.5a1.6 1.6 0 1 0 0-.01M13 3.5a1.6 1.6 0 1 0 0-.01M4.6 12.3H9a2.2 2.2 0 0 0 0-4.4H7a2.2 2.2 0 0 1 0-4.4h4.4',
  live: 'M1.5 8.5h3l2-5 3 9 2-6 1 2h2',
  history: 'M3 8a5 5 0 1 0 1.6-3.7L3 5.5M3 2.8v2.7h2.7M8 5.3V8l2 1.4',
  hosts: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01M8 5h3M8 11h3',
  networks: 'M8 2.5v3.5M8 10v3.5M2.5 8h11M6 6h4v4H6z',
  accounts: 'M8 7.5a2.5 2.5 0 1 0 0-.01M3 13.5c.5-2.6 2.5-4 5-4s4.5 1.4 5 4',
  licences: 'M4 2.5h5.5l2.5 2.5v8.5h-8zM6 8h4M6 10.5h4',
  close: 'M4 4l8 8M12 4l-8 8',
  plus: 'M8 3v10M3 8h10',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9M10.3 10.3l3.2 3.2',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.5l7 4.5-7 4.5z',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  link: 'M6.5 9.5l3-3M5 7.5l-1.5 1.5a2.5 2.5 0 0 0 3.5 3.5l1.5-1.5M11 8.5l1.5-1.5a2.5 2.5 0 0 0-3.5-3.5l-1.5 1.5',
  arrow: 'M3 8h10M9.5 4.5 13 8l-3.5 3.5',
  back: 'M13 8H3M6.5 4.5 3 8l3.5 3.5',
  edit: 'M3 13l.6-2.6 7.4-7.4 2 2-7.4 7.4z',
  trash: 'M3 4.5h10M6.5 4.5v-1.5h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5',
  upload: 'M8 10.5v-7M5 6l3-3 3 3M3 11v2h10v-2',
  sun: 'M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M8 1.8v1.4M8 12.8v1.4M1.8 8h1.4M12.8 8h1.4M3.6 3.6l1 1M11.4 11.4l1 1M3.6 12.4l1-1M11.4 4.6l1-1',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  screen: 'M2.5 3.5h11v7.5h-11zM6 13.5h4',
  check: 'M3 8.5l3.2 3.2L13 5',
  help: 'M8 14a6 6 0 1 0 0-12 6 6 0 0 0 0 12M6.3 6.3c.2-1 .9-1.5 1.8-1.5 1 0 1.7.6 1.7 1.5 0 1.2-1.7 1.3-1.7 2.5M8 11h.01',
  out: 'M6.5 3h-3.5v10h3.5M6.5 8h7M10.5 5l3 3-3 3',
  warn: 'M8 2.5l6 10.5H2zM8 6.5v3M8 11.2h.01',
  swap: 'M3 5.5h9M9.5 3l2.5 2.5L9.5 8M13 10.5H4M6.5 8 4 10.5 6.5 13',
} as const

export type IconName = keyof typeof paths

export function Icon({name}: {name: IconName}) {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={paths[name]} fill="none" stroke="currentColor" strokeWidth="1.35" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  )
}
