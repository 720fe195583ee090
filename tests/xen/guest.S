/*
 * A guest of a few bytes, in flat 32-bit mode at 1000h: it executes CPUID for each pair of leaf and
 * subleaf at 2000h, as many as 1ffch says, leaves the registers at 3000h, and says at 1ff8h that it
 * is done.
 */
    .code32
    .globl _start
_start:
    mov     $0x2000, %esi
    mov     $0x3000, %edi
    mov     0x1ffc, %ebp
next:
    test    %ebp, %ebp
    jz      done
    mov     (%esi), %eax
    mov     4(%esi), %ecx
    cpuid
    mov     %eax, (%edi)
    mov     %ebx, 4(%edi)
    mov     %ecx, 8(%edi)
    mov     %edx, 12(%edi)
    add     $8, %esi
    add     $16, %edi
    dec     %ebp
    jmp     next
done:
    movl    $1, 0x1ff8
    cli
stop:
    hlt
    jmp     stop
