//! What expressions can call beyond standard CEL, and the meter.
//!
//! | on a list | yields |
//! |---|---|
//! | `quotes.min_by("price")` | the item whose field is smallest; the first of equals; an empty list is an error |
//! | `quotes.max_by("price")` | likewise the largest |
//! | `quotes.sort_by("price")` | the items by ascending field; equals keep their order |
//! | `prices.sum()`, `quotes.sum("price")` | the sum; whole as long as every number is; 0 for an empty list |
//! | `quotes.first()` | the first item; an empty list is an error |
//!
//! A field may be a path: `"price.amount"`. `text.matches(pattern)` takes short literal patterns only.

use std::{
    cmp::Ordering,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use cel::{
    Context, Env, ExecutionError, FunctionContext,
    common::{
        types::{CelBytes, CelDouble, CelInt, CelList, CelMap, CelString, CelUInt, LIST_TYPE, STRING_TYPE},
        value::{CowVal, Val},
    },
};

use super::weave::{CHARGE, RANGE};

type Outcome<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;
/// A function that a context takes.
type Closure = Box<dyn for<'c, 'v> Fn(&mut FunctionContext<'c, 'v>) -> Outcome<'c, 'v> + Send + Sync>;
type Operation = for<'b, 'v> fn(Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v>;

/// The environment of all expressions: standard CEL and the list functions.
pub(super) fn environment() -> Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut environment = Env::stdlib();
        let functions: [(&str, &str, bool, Operation); 6] = [
            ("min_by", "baton_min_by", true, min_by),
            ("max_by", "baton_max_by", true, max_by),
            ("sort_by", "baton_sort_by", true, sort_by),
            ("sum", "baton_sum_by", true, sum_by),
            ("sum", "baton_sum", false, sum),
            ("first", "baton_first", false, first),
        ];
        for (name, id, takes_field, operation) in functions {
            let arguments = if takes_field { vec![STRING_TYPE] } else { vec![] };
            environment
                .add_member_overload(name, id, LIST_TYPE, arguments, operation)
                .expect("standard CEL has none of these names");
        }
        Arc::new(environment)
    });
    Arc::clone(&ENVIRONMENT)
}

/// Counts the work of one evaluation down.
#[derive(Debug)]
pub(super) struct Meter {
    left: AtomicU64,
}

impl Meter {
    pub fn new(work_max: u64) -> Self {
        Self { left: AtomicU64::new(work_max) }
    }

    pub fn is_exhausted(&self) -> bool {
        self.left.load(Relaxed) == 0
    }

    /// Takes `work` off; an error from the moment on when nothing is left.
    fn charge(&self, work: u64) -> Result<(), ExecutionError> {
        let left = self.left.load(Relaxed).saturating_sub(work);
        self.left.store(left, Relaxed);
        if left == 0 { Err(ExecutionError::function_error("meter", "too much work")) } else { Ok(()) }
    }

    /// Charges for a value what copying or comparing it would cost, and never looks at more than it charges for.
    fn charge_value(&self, value: &dyn Val) -> Result<(), ExecutionError> {
        if let Some(text) = value.downcast_ref::<CelString>() {
            return self.charge(1 + text.inner().len() as u64 / 16);
        }
        if let Some(bytes) = value.downcast_ref::<CelBytes>() {
            return self.charge(1 + bytes.inner().len() as u64 / 16);
        }
        self.charge(1)?;
        if let Some(list) = value.downcast_ref::<CelList>() {
            return list.inner().iter().try_for_each(|item| self.charge_value(item.as_ref()));
        }
        if let Some(map) = value.downcast_ref::<CelMap>() {
            return map.inner().values().try_for_each(|item| self.charge_value(item.as_ref()));
        }
        Ok(())
    }
}

/// Adds the functions that [`super::weave`] put into the tree.
pub(super) fn add_meter(context: &mut Context<'_, '_>, meter: &Arc<Meter>) {
    let charging = Arc::clone(meter);
    let charge: Closure = Box::new(move |call: &mut FunctionContext<'_, '_>| {
        let (value, extra) = value_and_number(call)?;
        charging.charge(extra)?;
        charging.charge_value(value.as_ref())?;
        Ok(value)
    });
    let ranging = Arc::clone(meter);
    let range: Closure = Box::new(move |call: &mut FunctionContext<'_, '_>| {
        let (value, visits) = value_and_number(call)?;
        ranging.charge_value(value.as_ref())?;
        let items = value.as_sizer().map_or(0, |sizer| sizer.size().inner().unsigned_abs());
        ranging.charge(items.saturating_mul(visits))?;
        // A map hands out its keys in an order of its own, another one each time; a decision must not depend on that.
        match value.downcast_ref::<CelMap>() {
            Some(map) => Ok(CowVal::owned(sorted_keys(map))),
            None => Ok(value),
        }
    });
    context.add_function(CHARGE, charge).expect("no expression can define this name");
    context.add_function(RANGE, range).expect("no expression can define this name");
}

fn value_and_number<'c, 'v>(call: &mut FunctionContext<'c, 'v>) -> Result<(CowVal<'c, 'v>, u64), ExecutionError> {
    let number = call.args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
    let value = call.args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
    Ok((value, number.downcast_ref::<CelInt>().map_or(0, |number| number.inner().unsigned_abs())))
}

fn sorted_keys<'v>(map: &CelMap<'v>) -> CelList<'v> {
    let mut keys: Vec<Box<dyn Val + 'v>> = map.inner().keys().map(|key| key.inner().clone_as_boxed()).collect();
    keys.sort_by(|a, b| {
        let ordered = a.as_comparer().and_then(|comparer| comparer.compare(b.as_ref()).ok());
        ordered.unwrap_or_else(|| a.get_type().name().cmp(b.get_type().name()))
    });
    CelList::from(keys)
}

fn items_of<'b, 'v>(list: &'b CowVal<'b, 'v>, function: &str) -> Result<&'b [Box<dyn Val + 'v>], ExecutionError> {
    list.downcast_ref::<CelList>()
        .map(CelList::inner)
        .ok_or_else(|| ExecutionError::function_error(function, "it is for lists only"))
}

/// The value of the field `path` (names joined by dots) of `item`.
fn field<'b, 'v>(item: &'b (dyn Val + 'v), path: &str, function: &str) -> Result<&'b (dyn Val + 'v), ExecutionError> {
    path.split('.').try_fold(item, |value, name| {
        value
            .downcast_ref::<CelMap>()
            .and_then(|map| map.inner().iter().find(|(key, _)| is_key(key.inner(), name)))
            .map(|(_, value)| value.as_ref())
            .ok_or_else(|| ExecutionError::function_error(function, format!("an item has no field `{path}`")))
    })
}

fn is_key(key: &dyn Val, name: &str) -> bool {
    key.downcast_ref::<CelString>().is_some_and(|key| key.inner() == name)
}

/// The list and the field of a call such as `list.min_by("price")`.
fn list_and_path<'b, 'v>(args: &'b [CowVal<'b, 'v>]) -> Result<(&'b CowVal<'b, 'v>, &'b str), ExecutionError> {
    match args {
        [list, path] => {
            let path = path.downcast_ref::<CelString>().ok_or_else(ExecutionError::missing_argument_or_target)?;
            Ok((list, path.inner()))
        }
        _ => Err(ExecutionError::invalid_argument_count(2, args.len())),
    }
}

fn compare(a: &dyn Val, b: &dyn Val, function: &str) -> Result<Ordering, ExecutionError> {
    a.as_comparer().and_then(|comparer| comparer.compare(b).ok()).ok_or_else(|| {
        let reason = format!("cannot order {} and {}", a.get_type().name(), b.get_type().name());
        ExecutionError::function_error(function, reason)
    })
}

fn min_by<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    extreme_by(&args, "min_by", Ordering::Less)
}

fn max_by<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    extreme_by(&args, "max_by", Ordering::Greater)
}

fn extreme_by<'b, 'v>(args: &[CowVal<'_, 'v>], function: &str, wanted: Ordering) -> Outcome<'b, 'v> {
    let (list, path) = list_and_path(args)?;
    let mut best: Option<(&(dyn Val + 'v), &(dyn Val + 'v))> = None;
    for item in items_of(list, function)? {
        let value = field(item.as_ref(), path, function)?;
        let better = match best {
            // Comparing with itself finds what cannot be ordered even when it stands alone.
            None => compare(value, value, function).map(|_| true)?,
            Some((_, champion)) => compare(value, champion, function)? == wanted,
        };
        if better {
            best = Some((item.as_ref(), value));
        }
    }
    let (item, _) = best.ok_or_else(|| ExecutionError::function_error(function, "the list is empty"))?;
    Ok(CowVal::Owned(item.clone_as_boxed()))
}

fn sort_by<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let (list, path) = list_and_path(&args)?;
    let mut keyed = Vec::new();
    for item in items_of(list, "sort_by")? {
        keyed.push((field(item.as_ref(), path, "sort_by")?, item));
    }
    let mut failure = None;
    keyed.sort_by(|(a, _), (b, _)| {
        compare(*a, *b, "sort_by").unwrap_or_else(|error| {
            failure = Some(error);
            Ordering::Equal
        })
    });
    match failure {
        Some(error) => Err(error),
        None => Ok(CowVal::owned(CelList::from(
            keyed.into_iter().map(|(_, item)| item.clone()).collect::<Vec<Box<dyn Val + 'v>>>(),
        ))),
    }
}

fn sum<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let list = args.first().ok_or_else(ExecutionError::missing_argument_or_target)?;
    total(items_of(list, "sum")?.iter().map(|item| Ok(item.as_ref())))
}

fn sum_by<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let (list, path) = list_and_path(&args)?;
    total(items_of(list, "sum")?.iter().map(|item| field(item.as_ref(), path, "sum")))
}

fn total<'a, 'b, 'v, 'w: 'a>(
    items: impl Iterator<Item = Result<&'a (dyn Val + 'w), ExecutionError>>,
) -> Outcome<'b, 'v> {
    let mut whole = Some(0_i128);
    let mut real = 0_f64;
    for item in items {
        let item = item?;
        let (as_whole, as_real) = if let Some(number) = item.downcast_ref::<CelInt>() {
            (Some(i128::from(*number.inner())), *number.inner() as f64)
        } else if let Some(number) = item.downcast_ref::<CelUInt>() {
            (Some(i128::from(*number.inner())), *number.inner() as f64)
        } else if let Some(number) = item.downcast_ref::<CelDouble>() {
            (None, *number.inner())
        } else {
            let reason = format!("cannot add {}", item.get_type().name());
            return Err(ExecutionError::function_error("sum", reason));
        };
        whole = whole.zip(as_whole).map(|(total, number)| total + number);
        real += as_real;
    }
    match whole.map(i64::try_from) {
        Some(Ok(whole)) => Ok(CowVal::owned(CelInt::from(whole))),
        Some(Err(_)) => Err(ExecutionError::function_error("sum", "the sum is too large")),
        None => Ok(CowVal::owned(CelDouble::from(real))),
    }
}

fn first<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let list = args.first().ok_or_else(ExecutionError::missing_argument_or_target)?;
    let item = items_of(list, "first")?.first();
    let item = item.ok_or_else(|| ExecutionError::function_error("first", "the list is empty"))?;
    Ok(CowVal::Owned(item.clone_as_boxed()))
}
