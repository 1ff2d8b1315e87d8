"""How `autoforge secrets` shows what is at GitHub. No value comes here."""

from collections.abc import Sequence
from typing import Any

from src.presentation.cli.output import counted, heading, moment, say, show, show_line, show_table
from src.presentation.cli.secrets_ports import Facts, Plan, Pushed, Rule, Step

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_ACTIONS = {"add": "green", "replace": "yellow", "keep": "", "skip": "dim", "refuse": "bold red"}
_DONE = {"add": "added", "replace": "replaced"}


def show_plan(plan: Plan) -> None:
    from rich.text import Text

    made = "" if plan.has_environment else ", which would be made"
    show(f"{plan.repository.name}, environment {plan.environment}{made}\n")
    show_table(
        ("Name at GitHub", "Kind", "Updated", "Push would", "Because it"),
        [
            (
                step.name,
                step.kind,
                moment(step.updated_at),
                Text(step.action, style=_ACTIONS[step.action]),
                _because(step),
            )
            for step in plan.steps
        ],
        wide=("Because it",),
    )
    if plan.unknown:
        say(f"\nNo setting asks for: {', '.join(plan.unknown)}. They stay as they are.")
    show_rules(plan.rules)
    if plan.reviewers:
        say(f"Reviewers that push would add: {', '.join(one.name for one in plan.reviewers)}.")
    if plan.surplus:
        names = ", ".join(one.shown for one in plan.surplus)
        say(f"Beside ours these may deploy: {names}. push --prune takes them away.")
    if plan.faults:
        say("\nNothing would be sent:")
        for fault in plan.faults:
            say(f"  {fault}")


def show_rules(rules: Sequence[Rule]) -> None:
    from rich.text import Text

    heading("Protection")
    show_table(
        ("", "Rule", "Asked for", "There"),
        [(Text(rule.level, style=_STYLES[rule.level]), rule.id, rule.wanted, rule.found) for rule in rules],
    )


def show_sent(step: Step) -> None:
    show(f"{_DONE[step.action]:9} {step.kind} {step.name}")


def show_pushed(pushed: Pushed) -> None:
    kept = sum(step.action == "keep" for step in pushed.plan.steps)
    show(f"{counted(len(pushed.sent), 'value')} sent, {kept} left as they are.")
    show_rules(pushed.rules)
    if pushed.refused:
        say("")
    for sentence in pushed.refused:
        say(sentence)
    if not pushed.is_protected:
        say(f"\nThe protection of {pushed.plan.environment} is incomplete; all else was done.")
        if not pushed.refused and any(
            rule.id == "reviewers" and rule.level == "fail" for rule in pushed.rules
        ):
            say("Name who approves deploys: --reviewer USER, who is not the one that starts them.")


def show_facts(facts: Facts) -> None:
    from rich.text import Text

    show(
        f"{facts.repository}, environment {facts.environment}: "
        f"{counted(facts.checked, 'declared value')} at GitHub"
    )
    for finding in facts.findings:
        line = Text(f"\n{finding.level}", style=_STYLES[finding.level])
        show_line(line.append(f": {finding.name} {finding.message}", style=""))
        show(f"  {finding.fix}")
    show("\nAll is well." if facts.is_good else "\nSomething needs mending.")


def plan_object(plan: Plan, *, rules: Sequence[Rule] | None = None, is_protected: bool) -> dict[str, Any]:
    return {
        "repository": plan.repository.name,
        "environment": plan.environment,
        "has_environment": plan.has_environment,
        "values": [_step_object(step) for step in plan.steps],
        "unknown": plan.unknown,
        "protection": _completeness(is_protected),
        "rules": plan.rules if rules is None else rules,
        "reviewers_to_add": [one.name for one in plan.reviewers],
        "surplus": [one.shown for one in plan.surplus],
        "faults": plan.faults,
    }


def pushed_object(pushed: Pushed) -> dict[str, Any]:
    return {
        **plan_object(pushed.plan, rules=pushed.rules, is_protected=pushed.is_protected),
        "sent": [step.name for step in pushed.sent],
        "refused": pushed.refused,
        "dry_run": False,
    }


def facts_object(facts: Facts) -> dict[str, Any]:
    return {
        "repository": facts.repository,
        "environment": facts.environment,
        "healthy": facts.is_good,
        "checked": facts.checked,
        "protection": _completeness(facts.is_protected),
        "rules": facts.rules,
        "findings": facts.findings,
    }


def _completeness(is_protected: bool) -> str:
    return "complete" if is_protected else "incomplete"


def _because(step: Step) -> str:
    if step.source is None:
        return step.reason
    return f"{step.reason}; from {step.source}"


def _step_object(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "setting": step.setting,
        "kind": step.kind,
        "required": step.is_required,
        "present": step.updated_at is not None,
        "updated_at": step.updated_at,
        "source": step.source,
        "action": step.action,
        "reason": step.reason,
    }
