import {PageHead, Panel} from '../components/Layout'
import list from '../generated/licences.json'
import {licences as t} from '../texts'

export function Licences() {
  return (
    <>
      <PageHead title={t.title} hint={t.intro} />
      {list.map((l) => (
        <Panel key={l.name + l.version}>
          <details>
            <summary>
              <span className="strong">{l.name}</span> <span className="num dim">{l.version}</span> <span className="dim">{l.licence}</span>
            </summary>
            <pre>{l.text || l.licence}</pre>
          </details>
        </Panel>
      ))}
    </>
  )
}
