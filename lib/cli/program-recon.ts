import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseCount } from './command.ts'
import { type Context, defineForGateway, prose } from './define.ts'
import type { ApiOptions } from './gateway-api.ts'
import type { PlanOptions } from './recon/plan.ts'
import type { ExecuteOptions, ReconOptions, UndoOptions } from './recon/recon.ts'
import { EXECUTABLE, KINDS } from './recon/row-selection.ts'

const MAX_COUNT = 999_999

/** Limits of a run that is executed. */
const withLimits = (command: Command): Command =>
  command
    .option('--max-deletes <n>', 'stop before the first write if more would be deleted: a number, or a share like 10%')
    .option('--max-clears <n>', 'stop before the first write if a field would be cleared in more targets')
    .option('--accept-unassessed', 'execute rows that wait for sources that could not be assessed')
    .option('--allow-approximate', 'execute rows whose scripts may act differently than shown')
    .option(
      '--create-unknown',
      'create targets whose creation has an unknown outcome: look that they are not there first',
    )

const count = (option: string) => (text: string) => parseCount(option, text, MAX_COUNT)

export function addRecon(program: Command, context: Context): void {
  const { io } = context
  const recon = withLimits(
    defineForGateway<ReconOptions>(program, 'recon', context, async (options, mapping = '') =>
      (await import('./recon/recon.ts')).recon(mapping, options, io),
    ),
  )
    .argument('<mapping>')
    .usage('[options] <mapping>')
    .enablePositionalOptions()
    .summary('reconcile a mapping: show the plan, ask, execute it')
    .description(
      prose(`Reconciles a mapping: shows the plan, asks for confirmation, and executes the plan. In steps:

  recon NAME --dry-run            make a plan; prints what to type next
  recon plan ID --only changes    read it
  recon approve ID                approve it, where the mapping requires that
  recon execute ID --limit 50     execute a part, then the rest
  recon verify NAME               compare the two sides

Standard error gets the id of each run before anything else. Ctrl-C leaves a run of a running gateway alone, and says
how to follow and cancel it. A run of the command itself is interrupted after the rows under way, and can be resumed;
the second Ctrl-C ends it at once.

Exit status 0: everything was executed; 1: something failed or was skipped, or the answer was no; 2: the command line
was not understood; 130: Ctrl-C.`),
    )
    .option('--dry-run', 'show the plan and write nothing')
    .option('--yes', 'execute the plan without asking')
    .addOption(
      new Option('--changed', 'only sources that changed since the last good run').conflicts([
        'byId',
        'limit',
        'sample',
        'filter',
      ]),
    )
    .option('--by-id <id>', 'only the source object with this id')
    .option('--limit <n>', 'a pilot: only the first <n> sources', count('--limit'))
    .option('--sample <n>', 'a pilot: only <n> sources, at random', count('--sample'))
    .option('--filter <filter>', 'a pilot: only sources that match, such as \'department eq "IT"\'')
  addPlans(recon, context)
  addRuns(recon, context)
}

function addPlans(recon: Command, context: Context): void {
  const { io } = context
  const load = () => import('./recon/plan.ts')
  defineForGateway<PlanOptions>(recon, 'plan <run>', context, async (options, id = '') =>
    (await load()).reconPlan(id, options, io),
  )
    .summary('show a plan, or all its rows that are selected')
    .description(
      prose(`Shows a plan: counts, examples and what to type next. With --only, --field or --id all rows that match, as
text, JSON or CSV, page by page.

CSV has a line for each field that changes. Cells that begin with = + - @ get an apostrophe in front, so that a
spreadsheet does not execute them.`),
    )
    .addOption(new Option('--only <kind>', 'rows of one kind').choices(KINDS))
    .option('--field <pointer>', 'rows that change this field, such as /sn')
    .option('--id <id>', 'rows of the source or target with this id')
    .addOption(new Option('--csv', 'print CSV (RFC 4180)').conflicts('json'))
    .addOption(
      new Option(
        '--diff <run>',
        'what changed since another plan: rows that it lacks, had in addition, or had otherwise',
      ).conflicts(['only', 'field', 'id']),
    )
  defineForGateway<ApiOptions>(recon, 'approve <run>', context, async (options, id = '') =>
    (await load()).reconApprove(id, options, io),
  ).description('approve a plan, so that it can be executed')
  withLimits(
    defineForGateway<ExecuteOptions>(recon, 'execute <run>', context, async (options, id = '') =>
      (await import('./recon/recon.ts')).reconExecute(id, options, io),
    ),
  )
    .summary('execute a plan, or a part of it')
    .description(
      prose(`Executes a plan. Each row is evaluated again first; what has changed since is skipped and listed. Rows that are
not selected stay in the plan and can be executed later.

Exit status as of recon.`),
    )
    .option('--only <kinds>', `of ${EXECUTABLE.join(', ')}; several with commas`, executable)
    .option('--limit <n>', 'at most <n> rows', count('--limit'))
}

function executable(text: string): string[] {
  const kinds = text.split(',')
  if (kinds.every((kind) => (EXECUTABLE as readonly string[]).includes(kind))) return kinds
  throw new InvalidArgumentError(`Allowed choices are ${EXECUTABLE.join(', ')}.`)
}

function addRuns(recon: Command, context: Context): void {
  const { io } = context
  const load = () => import('./recon/runs.ts')
  defineForGateway<ApiOptions>(recon, 'verify <mapping>', context, async (options, mapping = '') =>
    (await import('./recon/verify.ts')).reconVerify(mapping, options, io),
  )
    .summary('compare the two sides of a mapping; writes nothing')
    .description(
      prose(`Compares the two sides of a mapping, and writes nothing: counts, and the fields that differ.

Exit status 0: the two sides agree; 1: something differs or could not be compared.`),
    )
  defineForGateway<ApiOptions>(recon, 'resume <run>', context, async (options, id = '') =>
    (await import('./recon/recon.ts')).reconResume(id, options, io),
  ).description('continue an interrupted run')
  defineForGateway<UndoOptions>(recon, 'undo <run>', context, async (options, id = '') =>
    (await import('./recon/recon.ts')).reconUndo(id, options, io),
  )
    .summary('take back what a run did')
    .description(
      prose(`Undoes a run: shows the plan, asks for confirmation, and executes it. Fields that still hold what the run wrote get
back what they held, deleted objects are created again, and links go back. What has changed since is left alone and
named, as is what cannot come back.

What the run created stays, unless --delete-created confirms how many objects it created. Exit status as of recon.`),
    )
    .option('--dry-run', 'show the plan and write nothing')
    .option('--yes', 'execute the plan without asking')
    .option('--delete-created <n>', 'delete the <n> objects that the run created', count('--delete-created'))
  defineForGateway<ApiOptions>(recon, 'follow <run>', context, async (options, id = '') =>
    (await load()).reconFollow(id, options, io),
  ).description('follow a run to its end; exit status as of recon')
  defineForGateway<ApiOptions>(recon, 'mappings', context, async (options) =>
    (await load()).reconMappings(options, io),
  ).description('list the mappings in the order in which they are processed')
  defineForGateway<ApiOptions & { readonly run?: string }>(recon, 'status', context, async (options) =>
    (await load()).reconStatus(options, io),
  )
    .summary('list the runs that the gateway keeps')
    .description('List the runs that the gateway keeps: plans, executed plans, verifications and others.')
    .option('--run <id>', 'show this one, with what failed')
  defineForGateway<ApiOptions>(recon, 'cancel <run>', context, async (options, run = '') =>
    (await load()).reconCancel(run, options, io),
  ).description('stop a run, or give up an interrupted one; what it has done stays. Exit status 1: it has ended')
}
