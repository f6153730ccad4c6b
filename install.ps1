<#
.SYNOPSIS
Installs doctor from a release: downloads the archive for Windows, checks its SHA-256 sum, and puts the
programs into a directory and on the PATH of the job. Nothing is installed if a step fails.

.PARAMETER Version
The release to install. Default: the release that this script belongs to.

.PARAMETER Directory
Where to put the programs. Default: in a job on GitHub Actions or Azure Pipelines a directory of the job, which
is added to PATH; else pulumi-oidc-doctor\bin in the user's local application data.

.PARAMETER From
A mirror: the https address of the folder with the release's files.
#>
param(
    [string]$Version,
    [string]$Directory,
    [string]$From
)

$ErrorActionPreference = 'Stop'
# Windows PowerShell 5.1 draws a bar for every block that it downloads, which takes longer than the download.
$ProgressPreference = 'SilentlyContinue'

# tools/release-files fills these in. In the repository, Cargo.toml has them.
$repository = ''
$release = ''

# The value of a key of Cargo.toml, beside this script. A script from a pipe has no place of its own.
function Get-ManifestValue([string]$Key) {
    if (-not $PSScriptRoot) { return '' }
    $manifest = Join-Path $PSScriptRoot 'Cargo.toml'
    if (-not (Test-Path -LiteralPath $manifest)) { return '' }
    $line = Select-String -LiteralPath $manifest -Pattern "^$Key = `"(.*)`"" | Select-Object -First 1
    if ($line) { $line.Matches[0].Groups[1].Value } else { '' }
}

function Save-ReleaseFile([string]$Address, [string]$Path) {
    $request = @{ Uri = $Address; OutFile = $Path; UseBasicParsing = $true; TimeoutSec = 120 }
    # PowerShell 7 reads this variable itself, Windows PowerShell 5.1 does not.
    if ($env:HTTPS_PROXY) { $request.Proxy = $env:HTTPS_PROXY }
    try {
        Invoke-WebRequest @request
    } catch {
        throw "install.ps1: cannot download ${Address}: $($_.Exception.Message) " +
            'Does the release have this file? Can this machine reach the server, through HTTPS_PROXY if it needs a proxy?'
    }
}

function Install-Doctor {
    # A 32-bit process sees its own architecture in the first variable and the machine's in the second.
    $machine = if ($env:PROCESSOR_ARCHITEW6432) { $env:PROCESSOR_ARCHITEW6432 } else { $env:PROCESSOR_ARCHITECTURE }
    if ($env:OS -ne 'Windows_NT') { throw 'install.ps1: this script is for Windows. Elsewhere, use install.sh.' }
    # Windows on ARM runs programs for x86-64.
    if ($machine -notin 'AMD64', 'ARM64') { throw "install.ps1: there is no program for Windows on $machine." }

    $number = if ($Version) { $Version } elseif ($release) { $release } else { Get-ManifestValue 'version' }
    $number = $number -replace '^v', ''
    if (-not $number) { throw 'install.ps1: -Version is needed: this copy of the script belongs to no release.' }
    if ($number -notmatch '^[0-9A-Za-z.+-]+$') { throw "install.ps1: -Version is not a version: $number" }
    $folder = $From.TrimEnd('/')
    if (-not $folder) {
        $address = if ($repository) { $repository } else { Get-ManifestValue 'repository' }
        if (-not $address) { throw 'install.ps1: -From is needed: this copy of the script belongs to no release.' }
        $folder = "$address/releases/download/v$number"
    }
    if ($folder -notlike 'https://*') { throw "install.ps1: -From must be an https address: $folder" }

    $target = $Directory
    if (-not $target) {
        $parent = @($env:RUNNER_TEMP, $env:AGENT_TEMPDIRECTORY, $env:LOCALAPPDATA) | Where-Object { $_ } | Select-Object -First 1
        $target = Join-Path $parent 'pulumi-oidc-doctor\bin'
    }

    # Windows PowerShell 5.1 does not offer TLS 1.2 on older systems.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    $name = 'pulumi-oidc-doctor-x86_64-pc-windows-msvc'
    $temporary = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
    New-Item -ItemType Directory -Path $temporary | Out-Null
    try {
        $sums = Join-Path $temporary 'SHA256SUMS'
        $archive = Join-Path $temporary "$name.zip"
        Save-ReleaseFile "$folder/SHA256SUMS" $sums
        Save-ReleaseFile "$folder/$name.zip" $archive
        $line = Select-String -LiteralPath $sums -Pattern "^([0-9a-f]{64}) [ *]$name\.zip$" | Select-Object -First 1
        if (-not $line) { throw "install.ps1: $folder/SHA256SUMS has no sum for $name.zip." }
        $wanted = $line.Matches[0].Groups[1].Value
        $actual = (Get-FileHash -LiteralPath $archive -Algorithm SHA256).Hash.ToLowerInvariant()
        if ($actual -ne $wanted) {
            throw "install.ps1: the download is damaged or was tampered with: $name.zip has the SHA-256 sum $actual, but SHA256SUMS has $wanted. Nothing was installed."
        }
        Expand-Archive -LiteralPath $archive -DestinationPath $temporary
        $unpacked = Join-Path $temporary $name
        $said = & (Join-Path $unpacked 'doctor.exe') --version
        if ($LASTEXITCODE -ne 0) { throw "install.ps1: the program does not run on this machine: $said" }
        New-Item -ItemType Directory -Force -Path $target | Out-Null
        foreach ($program in 'doctor.exe', 'pulumi-oidc-doctor.exe') {
            Move-Item -Force -LiteralPath (Join-Path $unpacked $program) -Destination (Join-Path $target $program)
        }
    } finally {
        Remove-Item -Recurse -Force -LiteralPath $temporary
    }
    Write-Output "Installed $said in $target"

    if ($env:GITHUB_PATH) {
        # Without the byte order mark that Add-Content of Windows PowerShell 5.1 writes.
        [IO.File]::AppendAllText($env:GITHUB_PATH, "$target`n")
    } elseif ($env:TF_BUILD) {
        Write-Output "##vso[task.prependpath]$target"
    } elseif (($env:PATH -split ';') -notcontains $target) {
        Write-Output 'This directory is not on PATH yet.'
    }
}

# In a function, so that a script that arrives cut off does nothing.
Install-Doctor
