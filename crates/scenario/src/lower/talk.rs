//! Conversations: their turns, and the body that grows with them.

use super::{
    Lowering,
    body::asks_for_usage,
    tree::{Walk, When},
};
use crate::{
    document::{Field, Kind, Located, Node, StepTable, TurnsTable},
    plan::{
        Body, COUNTED_TURNS, Chat, Conversation, DialectName, MOST_TURNS, Repeat, StreamSpec,
        Think, Turns,
    },
    problem::{Place, Problem},
    secrets::Secrecy,
    template::{JsonBuilder, JsonTemplate, Mode, sole_expression},
};
use loadgen_stats::StepIndex;

impl Lowering<'_> {
    /// What makes a step a conversation: outer absence where it is wrong, inner where it is none. `stream` is how its
    /// answer is read.
    #[expect(clippy::option_option, reason = "wrong and none are two things")]
    pub(super) fn conversation(
        &mut self,
        step: &StepTable,
        stream: Option<&StreamSpec>,
        walk: &mut Walk<'_>,
    ) -> Option<Option<Box<Conversation>>> {
        let place = match &step.talk.conversation {
            Field::Broken => return None,
            Field::Given(given) if given.value => &given.place,
            _ => return self.no_turns(step).then_some(None),
        };
        let before = self.problems.len();
        if walk.when != When::InIterations {
            let problem = Problem::new(place, "only steps of iterations can be conversations");
            self.tell(problem.help("what is said is forgotten when an iteration ends"));
        }
        let chats = [
            DialectName::OpenAi,
            DialectName::Anthropic,
            DialectName::Ollama,
        ];
        if !matches!(step.stream, Field::Broken)
            && !stream.is_some_and(|stream| chats.contains(&stream.dialect))
        {
            let message = "a conversation needs a `stream` with the dialect of a chat";
            let problem = Problem::new(place, message);
            let help = "add `stream = \"openai\"`, \"anthropic\" or \"ollama\": the answer is what the next turn repeats";
            self.tell(problem.help(help));
        }
        if step.json.is_absent() {
            self.no_messages(place);
        }
        let turns = self.turns(&step.talk.turns)?;
        let think = step.think.given().map(|given| given.value);
        let most = u64::from(turns.bounds().max).saturating_mul(walk.times);
        // A single one is the step itself.
        let counted = most.min(COUNTED_TURNS.into());
        let counted = usize::try_from(counted).unwrap_or_default();
        let counted = if counted > 1 { counted } else { 0 };
        let first = walk.next_turn;
        walk.next_turn += counted;
        (before == self.problems.len()).then(|| {
            Some(Box::new(Conversation {
                turns,
                most,
                think: think.map(|(min, max)| Think { min, max }),
                places: first..first + counted,
            }))
        })
    }

    /// Whether a step that is no conversation has nothing that belongs to one.
    fn no_turns(&mut self, step: &StepTable) -> bool {
        let Field::Given(turns) = &step.talk.turns else {
            return true;
        };
        let message = "`turns` means nothing without `conversation = true`";
        let problem = Problem::new(&turns.place, message);
        self.tell(problem.help("`repeat` does a step several times"));
        false
    }

    fn turns(&mut self, field: &Field<TurnsTable>) -> Option<Turns> {
        let given = match field {
            Field::Absent => return Some(Turns::Drawn(Repeat::ONCE)),
            Field::Broken => return None,
            Field::Given(given) => given,
        };
        let source = match &given.value {
            TurnsTable::Range(min, max) => {
                let (min, max) = (*min, *max);
                return Some(Turns::Drawn(Repeat { min, max }));
            }
            TurnsTable::Expression(source) => source,
        };
        if !sole_expression(&source.text) {
            let message = "`turns` must be a number, a range, or one expression";
            let problem = Problem::new(&source.place, message);
            self.tell(problem.help("write for example \"{{ data.talks.turns | length }}\""));
            return None;
        }
        let folded = self.fold(source, Mode::Json, Secrecy::Open)?;
        if let Some(fixed) = folded.text.fixed()
            && !fixed.parse().is_ok_and(|turns: u32| turns <= MOST_TURNS)
        {
            let message = format!("`turns` is {fixed}, which is no number from 0 to {MOST_TURNS}");
            self.tell(Problem::new(&source.place, message));
            return None;
        }
        Some(Turns::Computed(folded.text))
    }

    fn no_messages(&mut self, place: &Place) {
        let message = "a conversation needs `json` with a list of `messages`";
        let problem = Problem::new(place, message);
        self.tell(problem.help(
            "write for example `json = { model = \"m\", stream = true, messages = [{ role = \"user\", content = \"Hi\" }] }`",
        ));
    }

    /// The body of a turn.
    pub(super) fn chat(
        &mut self,
        json: &Located<Node>,
        step: &StepTable,
        location: &str,
    ) -> Option<Body> {
        let found = match &json.value.kind {
            Kind::Table(entries) => {
                let messages = entries.iter().find(|(key, _)| key.value == "messages");
                messages.map(|(_, messages)| (entries, messages))
            }
            _ => None,
        };
        let Some((entries, messages)) = found else {
            self.no_messages(&json.place);
            return None;
        };
        let Kind::List(list) = &messages.kind else {
            let message = "in a conversation `messages` is a list";
            let problem = Problem::new(&messages.place, message);
            let help =
                "write what is said in one turn; templates can stand in the `content` of messages";
            self.tell(problem.help(help));
            return None;
        };
        let Some(last) = list.iter().rposition(is_of_user) else {
            let message = "a conversation needs a message with `role = \"user\"`";
            let problem = Problem::new(&messages.place, message);
            self.tell(problem.help("what stands before the last of them is said once"));
            return None;
        };
        let others = entries.iter().filter(|(key, _)| key.value != "messages");
        let others: Vec<_> = others.cloned().collect();
        let mut head = JsonBuilder::default();
        head.json("{");
        let usage = asks_for_usage(entries, step, location);
        let complete = self.json_entries(&others, usage, &mut head);
        let joint = if others.is_empty() { "" } else { "," };
        head.json(&format!("{joint}\"messages\":["));
        let (preamble, turn) = list.split_at(last);
        let (preamble, turn) = (self.messages(preamble), self.messages(turn));
        complete.then_some(())?;
        Some(Body::Chat(Chat {
            // Where the step stands decides over it.
            step: StepIndex(0),
            head: head.finish(),
            preamble: preamble?,
            turn: turn?,
        }))
    }

    /// Messages with commas between them.
    fn messages(&mut self, list: &[Node]) -> Option<JsonTemplate> {
        let mut out = JsonBuilder::default();
        let mut complete = true;
        for (number, message) in list.iter().enumerate() {
            if number > 0 {
                out.json(",");
            }
            complete &= self.json_value(message, Secrecy::Open, &mut out);
        }
        complete.then(|| out.finish())
    }
}

fn is_of_user(message: &Node) -> bool {
    let Kind::Table(entries) = &message.kind else {
        return false;
    };
    let mut roles = entries.iter().filter(|(key, _)| key.value == "role");
    roles.any(|(_, role)| role.kind == Kind::Text("user".to_owned()))
}
