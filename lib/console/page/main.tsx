import { render } from 'preact'
import { Instance } from './instances/instance.tsx'
import { Instances } from './instances/instances.tsx'
import { signOut, useSession } from './session.ts'
import { SignIn } from './sign-in/sign-in.tsx'
import { Comparison } from './sync/comparison.tsx'
import { Mapping } from './sync/mapping.tsx'
import { Mappings } from './sync/mappings.tsx'
import { Queue } from './sync/queue.tsx'
import { RunPage } from './sync/run.tsx'
import { Faults } from './system/faults.tsx'
import { Log } from './system/log.tsx'
import { Nodes } from './system/nodes.tsx'
import { Reference } from './system/reference.tsx'
import { linkTo, useRoute } from './ui/hooks.ts'
import { Button, Page } from './ui/parts.tsx'
import { type Question, useAllowed } from './ui/permissions.ts'

interface Area {
  readonly name: string
  readonly title: string
  /** The first words of the addresses within. */
  readonly covers: readonly string[]
  /** What it shows. */
  readonly needs: readonly Question[]
}

const AREAS: readonly Area[] = [
  { name: 'sync', title: 'Synchronization', covers: ['sync', 'run'], needs: ['query config', 'query recon'] },
  { name: 'instances', title: 'Instances', covers: ['instances'], needs: ['query external/idm'] },
  { name: 'queue', title: 'Queue', covers: ['queue'], needs: ['read sync/queue'] },
  { name: 'faults', title: 'Faults', covers: ['faults'], needs: ['query gateway/faults'] },
  { name: 'log', title: 'Log', covers: ['log'], needs: ['query gateway/log'] },
  { name: 'nodes', title: 'Nodes', covers: ['nodes'], needs: ['query cluster'] },
  { name: 'reference', title: 'REST reference', covers: ['reference'], needs: [] },
]

function Shell() {
  const session = useSession()
  const route = useRoute()
  if (!session) return <SignIn />
  const [area = 'sync'] = route
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <header>
        <strong>Console</strong>
        <nav aria-label="Areas">
          <ul>
            {AREAS.map((one) => (
              <AreaLink key={one.name} area={one} isCurrent={one.covers.includes(area)} />
            ))}
          </ul>
        </nav>
        <div class="who">
          <span>Signed in as {session.user}</span>
          <Button onClick={() => signOut()}>Sign out</Button>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        <Content route={route} />
      </main>
    </div>
  )
}

/** There is none to an area that the account may not see. */
function AreaLink({ area: { name, title, needs }, isCurrent }: { area: Area; isCurrent: boolean }) {
  if (useAllowed(...needs) === false) return null
  return (
    <li>
      <a href={linkTo(name)} {...(isCurrent && { 'aria-current': 'page' as const })}>
        {title}
      </a>
    </li>
  )
}

const skip = () => document.getElementById('content')?.focus()

function Content({ route: [area = 'sync', name, ...rest] }: { route: readonly string[] }) {
  switch (area) {
    case 'sync':
      return name === undefined ? <Mappings /> : <Mapping key={name} name={name} />
    case 'run': {
      const [word, other] = rest
      if (name !== undefined && word === 'diff' && other !== undefined) return <Comparison id={name} other={other} />
      if (name !== undefined) return <RunPage key={name} id={name} />
      break
    }
    case 'instances':
      if (name === undefined) return <Instances />
      return <Instance key={name} name={name} />
    case 'faults':
      return <Faults />
    case 'log':
      return <Log />
    case 'nodes':
      return <Nodes />
    case 'queue':
      return <Queue />
    case 'reference':
      return <Reference />
  }
  return <Page title="There is no such page">Choose one of the areas.</Page>
}

const root = document.getElementById('console')
if (root) {
  root.replaceChildren()
  render(<Shell />, root)
}
