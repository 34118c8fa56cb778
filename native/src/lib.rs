//! The addon's exports, over Node-API. It has no state, so each thread may load it.
//!
//! - `abi`: the number of this interface. dstore uses no addon with another.
//! - `subtree(bytes, chunk, root, out, outOffset)`
//! - `groups(bytes, chunk, groupBytes, out, outOffset)`
//! - `outboard(bytes, chunk, root, groupBytes, pairs, cv)`
//!
//! The functions return false, and write nothing, if the arguments do not fit: the caller then uses
//! another engine.

mod tree;

use napi_sys::{
    Status, TypedarrayType, ValueType, napi_callback, napi_callback_info, napi_create_function,
    napi_create_uint32, napi_env, napi_get_boolean, napi_get_cb_info, napi_get_typedarray_info,
    napi_get_value_bool, napi_get_value_double, napi_set_named_property, napi_typeof, napi_value,
};
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

const ABI: u32 = 1;

/// The largest integer that a double holds exactly, plus one.
const TWO_53: f64 = 9_007_199_254_740_992.0;

/// The arguments of a call.
struct Arguments<const N: usize> {
    env: napi_env,
    values: [napi_value; N],
}

impl<const N: usize> Arguments<N> {
    unsafe fn of(env: napi_env, info: napi_callback_info) -> Option<Self> {
        let mut values = [ptr::null_mut(); N];
        let mut count = N;
        let status = unsafe {
            napi_get_cb_info(
                env,
                info,
                &mut count,
                values.as_mut_ptr(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        (status == Status::napi_ok && count == N).then_some(Self { env, values })
    }

    /// Start and length of a `Uint8Array`.
    fn array(&self, index: usize) -> Option<(*mut u8, usize)> {
        let mut kind = TypedarrayType::int8_array;
        let mut length = 0;
        let mut data = ptr::null_mut();
        let status = unsafe {
            napi_get_typedarray_info(
                self.env,
                self.values[index],
                &mut kind,
                &mut length,
                &mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        let fits = status == Status::napi_ok && kind == TypedarrayType::uint8_array;
        fits.then_some((data.cast(), length))
    }

    fn bytes(&self, index: usize) -> Option<&[u8]> {
        let (data, length) = self.array(index)?;
        if length == 0 {
            return Some(&[]);
        }
        if data.is_null() {
            return None;
        }
        // Valid until the call returns: JavaScript's thread is in it, and resizes nothing.
        Some(unsafe { slice::from_raw_parts(data, length) })
    }

    fn integer(&self, index: usize) -> Option<u64> {
        let mut number = 0.0;
        let status = unsafe { napi_get_value_double(self.env, self.values[index], &mut number) };
        let fits = status == Status::napi_ok
            && (0.0..TWO_53).contains(&number)
            && number.fract() == 0.0;
        fits.then_some(number as u64)
    }

    fn size(&self, index: usize) -> Option<usize> {
        self.integer(index)?.try_into().ok()
    }

    fn flag(&self, index: usize) -> Option<bool> {
        let mut kind = ValueType::napi_undefined;
        let mut flag = false;
        let status = unsafe { napi_typeof(self.env, self.values[index], &mut kind) };
        if status != Status::napi_ok || kind != ValueType::napi_boolean {
            return None;
        }
        let status = unsafe { napi_get_value_bool(self.env, self.values[index], &mut flag) };
        (status == Status::napi_ok).then_some(flag)
    }

    /// Where to write `length` bytes from an offset of an array; `None` if they do not fit.
    fn room(&self, index: usize, offset: usize, length: usize) -> Option<*mut u8> {
        let (data, room) = self.array(index)?;
        let fits = !data.is_null() && offset.checked_add(length)? <= room;
        fits.then(|| unsafe { data.add(offset) })
    }
}

/// Copies to memory that may overlap with the input, which is no longer used.
unsafe fn write(bytes: &[u8], to: *mut u8) {
    unsafe { ptr::copy(bytes.as_ptr(), to, bytes.len()) }
}

fn subtree(arguments: &Arguments<5>) -> Option<()> {
    let cv = tree::subtree(arguments.bytes(0)?, arguments.integer(1)?, arguments.flag(2)?)?;
    let to = arguments.room(3, arguments.size(4)?, cv.len())?;
    unsafe { write(&cv, to) };
    Some(())
}

fn groups(arguments: &Arguments<5>) -> Option<()> {
    let cvs = tree::groups(arguments.bytes(0)?, arguments.integer(1)?, arguments.size(2)?)?;
    let cvs = cvs.as_flattened();
    let to = arguments.room(3, arguments.size(4)?, cvs.len())?;
    unsafe { write(cvs, to) };
    Some(())
}

fn outboard(arguments: &Arguments<6>) -> Option<()> {
    let bytes = arguments.bytes(0)?;
    let (chunk, root) = (arguments.integer(1)?, arguments.flag(2)?);
    let (cv, pairs) = tree::outboard(bytes, chunk, root, arguments.size(3)?)?;
    let pairs_to = arguments.room(4, 0, pairs.len())?;
    let cv_to = arguments.room(5, 0, cv.len())?;
    unsafe { write(&pairs, pairs_to) };
    unsafe { write(&cv, cv_to) };
    Some(())
}

/// Runs one of the functions above as a callback. A panic counts as arguments that do not fit.
unsafe fn run<const N: usize>(
    env: napi_env,
    info: napi_callback_info,
    act: fn(&Arguments<N>) -> Option<()>,
) -> napi_value {
    let done = match unsafe { Arguments::of(env, info) } {
        Some(arguments) => catch_unwind(AssertUnwindSafe(|| act(&arguments))).ok().flatten(),
        None => None,
    };
    let mut result = ptr::null_mut();
    unsafe { napi_get_boolean(env, done.is_some(), &mut result) };
    result
}

unsafe extern "C" fn call_subtree(env: napi_env, info: napi_callback_info) -> napi_value {
    unsafe { run(env, info, subtree) }
}

unsafe extern "C" fn call_groups(env: napi_env, info: napi_callback_info) -> napi_value {
    unsafe { run(env, info, groups) }
}

unsafe extern "C" fn call_outboard(env: napi_env, info: napi_callback_info) -> napi_value {
    unsafe { run(env, info, outboard) }
}

unsafe fn export(env: napi_env, exports: napi_value, name: &CStr, call: napi_callback) {
    let mut function = ptr::null_mut();
    unsafe {
        let length = name.count_bytes() as isize;
        let created =
            napi_create_function(env, name.as_ptr(), length, call, ptr::null_mut(), &mut function);
        if created == Status::napi_ok {
            napi_set_named_property(env, exports, name.as_ptr(), function);
        }
    }
}

/// Node calls this when it loads the addon, once for each thread.
///
/// # Safety
/// Only Node calls it, with handles of the thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn napi_register_module_v1(env: napi_env, exports: napi_value) -> napi_value {
    unsafe {
        let mut abi = ptr::null_mut();
        if napi_create_uint32(env, ABI, &mut abi) == Status::napi_ok {
            napi_set_named_property(env, exports, c"abi".as_ptr(), abi);
        }
        export(env, exports, c"subtree", Some(call_subtree));
        export(env, exports, c"groups", Some(call_groups));
        export(env, exports, c"outboard", Some(call_outboard));
    }
    exports
}
